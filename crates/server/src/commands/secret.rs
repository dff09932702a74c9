//! Where commands read secrets from: a file, a variable of the environment, or the terminal. Never an argument.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use secrecy::SecretString;

/// From where it was said to come; else it is asked for.
pub(crate) fn read(
    file: Option<PathBuf>,
    variable: Option<String>,
    prompt: &str,
) -> Result<SecretString> {
    match (file, variable) {
        (Some(file), _) => from_file(&file),
        (None, Some(variable)) => from_env(&variable),
        (None, None) => from_terminal(prompt),
    }
}

/// The first line of a file.
pub(crate) fn from_file(file: &Path) -> Result<SecretString> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(SecretString::from(text.lines().next().unwrap_or_default()))
}

/// A variable of the environment.
pub(crate) fn from_env(variable: &str) -> Result<SecretString> {
    match std::env::var(variable) {
        Ok(text) => Ok(SecretString::from(text)),
        Err(_) => bail!("the variable {variable} is not set"),
    }
}

fn from_terminal(prompt: &str) -> Result<SecretString> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "there is no terminal to ask for the password: give --password-file or --password-env"
        );
    }
    Ok(SecretString::from(rpassword::prompt_password(prompt)?))
}

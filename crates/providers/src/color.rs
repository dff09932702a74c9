//! Colours as calendars write them.

/// `#RRGGBB` or `#RRGGBBAA` in our form, `#rrggbb`.
pub(crate) fn hex(text: &str) -> Option<String> {
    let digits = text.trim().strip_prefix('#')?;
    let is_color =
        matches!(digits.len(), 6 | 8) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_color.then(|| format!("#{}", digits[..6].to_ascii_lowercase()))
}

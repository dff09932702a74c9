//! HTTPS: nobody is trusted but the public authorities and the operator's own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::{HeaderMap, Method};
use kalends_providers::http::guard::Guard;
use kalends_providers::http::{
    HttpSettings, HttpTransport, Limits, Request, Response, Transport, TransportError,
};
use tempfile::TempDir;

/// Five seconds in steps.
const START_TRIES: usize = 50;

/// A server of OpenSSL's with a certificate of an authority that nobody knows.
struct Server {
    port: u16,
    folder: TempDir,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn openssl(folder: &Path, arguments: &str) -> Option<()> {
    let done = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    done.success().then_some(())
}

fn server() -> Option<Server> {
    let folder = tempfile::tempdir().unwrap();
    let made = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(
        folder.path(),
        &format!("req {made} -keyout ca.key -out ca.pem -subj /CN=Authority"),
    )?;
    openssl(
        folder.path(),
        &format!(
            "req {made} -keyout own.key -out own.pem -subj /CN=Server -CA ca.pem -CAkey ca.key \
             -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
        ),
    )?;
    let port = TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let child = Command::new("openssl")
        .args([
            "s_server", "-www", "-quiet", "-cert", "own.pem", "-key", "own.key",
        ])
        .args(["-accept", &format!("127.0.0.1:{port}")])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let server = Server {
        port,
        folder,
        child,
    };
    for _ in 0..START_TRIES {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(server);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    None
}

async fn get(server: &Server, roots: Option<String>) -> Result<Response, TransportError> {
    let transport = HttpTransport::new(&HttpSettings {
        guard: Guard::open_to_private(),
        user_agent: "Kalends-Test".to_owned(),
        extra_roots_pem: roots,
    })
    .unwrap();
    let request = Request {
        method: Method::GET,
        url: format!("https://127.0.0.1:{}/", server.port)
            .parse()
            .unwrap(),
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
        limits: Limits {
            body_bytes_max: 1 << 20,
            time_max: Duration::from_secs(10),
        },
    };
    transport.send(request).await
}

#[tokio::test]
async fn a_strangers_certificate_is_trusted_only_when_the_operator_says_so() {
    let Some(server) = server() else {
        println!("skipped: no openssl here");
        return;
    };
    let stranger = get(&server, None).await;
    let Err(TransportError::NotSent { reason, .. }) = &stranger else {
        panic!("{stranger:?}")
    };
    assert!(reason.contains("certificate"), "{reason}");

    let roots = fs::read_to_string(server.folder.path().join("ca.pem")).unwrap();
    let known = get(&server, Some(roots)).await.unwrap();
    assert_eq!(known.status, 200);
}

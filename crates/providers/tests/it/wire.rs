//! The real transport on a real socket: what counts as sent, where it stops reading, and whom it never talks to.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};
use kalends_calendar::failure::Class;
use kalends_calendar::provider::Provider;
use kalends_providers::http::guard::{Guard, Kind, PrivateAddresses};
use kalends_providers::http::{
    HttpSettings, HttpTransport, Limits, Metered, Request, Response, Traffic, Transport,
    TransportError,
};
use kalends_providers::ics::Feed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::script::Still;

/// What a server does with each connection after it read the head of a request.
#[derive(Clone, Copy)]
enum Answer {
    Bytes(&'static [u8]),
    Silence,
    Nothing,
}

async fn server(answer: Answer) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let Ok((mut socket, _)) = listener.accept().await else {
                return;
            };
            let mut head = [0_u8; 4096];
            let _ = socket.read(&mut head).await;
            match answer {
                Answer::Bytes(bytes) => {
                    let _ = socket.write_all(bytes).await;
                }
                Answer::Silence => tokio::time::sleep(Duration::from_mins(1)).await,
                Answer::Nothing => {}
            }
        }
    });
    port
}

fn transport(guard: Guard) -> HttpTransport {
    HttpTransport::new(&HttpSettings {
        guard,
        user_agent: "Kalends-Test".to_owned(),
        extra_roots_pem: None,
    })
    .unwrap()
}

fn request(url: &str) -> Request {
    Request {
        method: Method::PUT,
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        body: "body".into(),
        limits: Limits {
            body_bytes_max: 100,
            time_max: Duration::from_millis(500),
        },
    }
}

async fn send(answer: Answer) -> Result<Response, TransportError> {
    let port = server(answer).await;
    let url = format!("http://127.0.0.1:{port}/");
    transport(Guard::open_to_private())
        .send(request(&url))
        .await
}

#[tokio::test]
async fn an_answer_comes_back_whole_and_is_counted() {
    let port = server(Answer::Bytes(
        b"HTTP/1.1 302 Found\r\nlocation: /x\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
    ))
    .await;
    let wire = Metered::new(Arc::new(transport(Guard::open_to_private())));
    let url = format!("http://127.0.0.1:{port}/");
    let answer = wire.send(request(&url)).await.unwrap();
    assert_eq!(answer.status, 302, "redirects are for the caller");
    assert_eq!(&answer.body[..], b"hello");
    let expected = Traffic {
        requests: 1,
        bytes_sent: 4,
        bytes_received: 5,
    };
    assert_eq!(wire.traffic(), expected);
}

#[tokio::test]
async fn what_was_never_sent_is_told_from_what_was_never_answered() {
    // A port where nobody listens: bound, and let go.
    let port = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("http://127.0.0.1:{port}/");
    let refused = transport(Guard::open_to_private())
        .send(request(&url))
        .await;
    assert!(
        matches!(refused, Err(TransportError::NotSent { .. })),
        "{refused:?}"
    );

    let unknown = transport(Guard::open_to_private())
        .send(request("http://no-such-host.invalid/"))
        .await;
    assert!(
        matches!(unknown, Err(TransportError::NotSent { .. })),
        "{unknown:?}"
    );

    for answer in [
        Answer::Silence,
        Answer::Nothing,
        Answer::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\ncut"),
        Answer::Bytes(b"SSH-2.0-OpenSSH\r\n"),
    ] {
        let lost = send(answer).await;
        assert!(
            matches!(lost, Err(TransportError::Unanswered { .. })),
            "{lost:?}"
        );
    }
}

#[tokio::test]
async fn reading_stops_at_the_limit() {
    let mut long = b"HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n".to_vec();
    long.extend([b'x'; 101]);
    let answer = send(Answer::Bytes(long.leak())).await;
    let limit = TransportError::TooLong {
        host: "127.0.0.1".to_owned(),
        limit_bytes: 100,
    };
    assert_eq!(answer.unwrap_err(), limit);
}

#[tokio::test]
async fn by_default_nobody_reaches_into_the_network_around_us() {
    let port = server(Answer::Bytes(
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    ))
    .await;
    for host in ["127.0.0.1", "127.1", "[::ffff:127.0.0.1]", "localhost"] {
        let url = format!("http://{host}:{port}/");
        let answer = transport(Guard::default()).send(request(&url)).await;
        let Err(TransportError::Refused(refused)) = answer else {
            panic!("{host}: {answer:?}")
        };
        assert_eq!(refused.kind, Kind::Loopback, "{host}");
    }
    let named = Guard {
        allowed: vec!["localhost".parse().unwrap()],
        private: PrivateAddresses::Refused,
    };
    let url = format!("http://localhost:{port}/");
    assert!(transport(named).send(request(&url)).await.is_ok());
}

#[tokio::test]
async fn secrets_in_addresses_stay_out_of_messages() {
    let url = "http://ann:password@no-such-host.invalid/token?key=token";
    let failed = transport(Guard::default())
        .send(request(url))
        .await
        .unwrap_err();
    for shown in [
        failed.to_string(),
        format!("{failed:?}"),
        format!("{:?}", request(url)),
    ] {
        assert!(
            !shown.contains("token") && !shown.contains("password"),
            "{shown}"
        );
    }
}

#[test]
fn extra_certificates_must_be_some() {
    let settings = HttpSettings {
        guard: Guard::default(),
        user_agent: "Kalends-Test".to_owned(),
        extra_roots_pem: Some(
            "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n".to_owned(),
        ),
    };
    assert!(HttpTransport::new(&settings).is_err());
}

#[tokio::test]
async fn a_redirect_is_judged_like_the_first_address() {
    let inside = server(Answer::Bytes(
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    ))
    .await;
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.2:{inside}/\r\ncontent-length: 0\r\n\r\n"
    );
    let outside = server(Answer::Bytes(redirect.leak().as_bytes())).await;
    let guard = Guard {
        allowed: vec!["127.0.0.1".parse().unwrap()],
        private: PrivateAddresses::Refused,
    };
    let url = format!("http://127.0.0.1:{outside}/").parse().unwrap();
    let feed = Feed::new(Arc::new(transport(guard)), Arc::new(Still), url);
    let failure = feed.calendars().await.unwrap_err();
    assert_eq!(failure.class, Class::AddressRefused);
    assert_eq!(
        failure.message,
        "127.0.0.2 is an address of this very machine; an operator can open it with the setting allow_networks"
    );
}

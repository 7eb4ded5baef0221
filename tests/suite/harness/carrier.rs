//! A seller of labels on loopback: HTTP as EasyPost speaks it, over real sockets, with the faults
//! that a test asks for.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It answers with this status and does nothing.
    Answers(u16),
    /// The same, and says after how many seconds to try again.
    AnswersWait(u16, u32),
    /// It does what was asked and hangs up instead of saying so.
    DoesAndHangsUp,
    /// It says nothing, ever.
    FallsSilent,
    /// It does not sell what was asked for.
    Refuses,
}

/// A call that it heard.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heard {
    /// `POST /v2/shipments`
    pub(crate) what: String,
    pub(crate) authorization: String,
    pub(crate) idempotency_key: String,
    pub(crate) body: Value,
}

#[derive(Debug, Default)]
struct State {
    /// By the parcel's id: whether its label was bought, and given back.
    parcels: BTreeMap<String, (bool, bool)>,
    faults: VecDeque<(&'static str, Fault)>,
    heard: Vec<Heard>,
}

/// A seller of labels of the test's own.
pub(crate) struct CarrierServer {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
}

impl CarrierServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.expect("a connection");
                let shared = Arc::clone(&shared);
                // A client that hangs up is nothing to complain of.
                tokio::spawn(async move { converse(socket, port, shared).await.ok() });
            }
        });
        Self {
            port,
            state,
            accepting,
        }
    }

    /// The next calls whose path ends so go wrong, one after the other.
    pub(crate) fn fail(&self, path: &'static str, faults: &[Fault]) {
        let mut state = self.state.lock().expect("the state");
        state
            .faults
            .extend(faults.iter().map(|fault| (path, *fault)));
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.state.lock().expect("the state").heard.clone()
    }

    /// How many labels were bought, and how many of these were given back.
    pub(crate) fn sold(&self) -> (usize, usize) {
        let state = self.state.lock().expect("the state");
        let bought = state.parcels.values().filter(|(bought, _)| *bought).count();
        let back = state.parcels.values().filter(|(_, back)| *back).count();
        (bought, back)
    }
}

impl Drop for CarrierServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn converse(socket: TcpStream, port: u16, state: Arc<Mutex<State>>) -> io::Result<()> {
    let mut socket = BufReader::new(socket);
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let mut words = line.split(' ');
        let (method, path) = (
            words.next().unwrap_or_default().to_owned(),
            words.next().unwrap_or_default().to_owned(),
        );
        let mut headers = BTreeMap::new();
        loop {
            let mut header = String::new();
            socket.read_line(&mut header).await?;
            let Some((name, value)) = header.split_once(':') else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
        let length = header("content-length").parse().unwrap_or(0);
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let (fault, answer) = {
            let mut state = state.lock().expect("the state");
            state.heard.push(Heard {
                what: format!("{method} {path}"),
                authorization: header("authorization"),
                idempotency_key: header("idempotency-key"),
                body: body.clone(),
            });
            let place = state.faults.iter().position(|(end, _)| path.ends_with(end));
            let fault = place
                .and_then(|place| state.faults.remove(place))
                .map(|(_, fault)| fault);
            let does = matches!(fault, None | Some(Fault::DoesAndHangsUp));
            let answer = does.then(|| answer(&mut state, &method, &path, port));
            (fault, answer)
        };
        let (status, wait, text) = match (fault, answer) {
            (None, Some((status, text))) => (status, None, text),
            (Some(Fault::Answers(status)), _) => (status, None, String::new()),
            (Some(Fault::AnswersWait(status, wait)), _) => (status, Some(wait), String::new()),
            (Some(Fault::Refuses), _) => (422, None, error("SHIPMENT.RATE.UNAVAILABLE")),
            (Some(Fault::FallsSilent), _) => {
                std::future::pending::<()>().await;
                return Ok(());
            }
            _ => return Ok(()),
        };
        let wait = wait.map_or_else(String::new, |wait| format!("Retry-After: {wait}\r\n"));
        let head = format!(
            "HTTP/1.1 {status} As asked\r\n{wait}Content-Length: {}\r\n\r\n",
            text.len()
        );
        socket.write_all(head.as_bytes()).await?;
        socket.write_all(text.as_bytes()).await?;
        socket.flush().await?;
    }
}

fn error(code: &str) -> String {
    json!({ "error": { "code": code, "message": "it says why" } }).to_string()
}

/// What it does, and says of it.
fn answer(state: &mut State, method: &str, path: &str, port: u16) -> (u16, String) {
    let rest = path.strip_prefix("/v2/shipments").unwrap_or_default();
    let words: Vec<&str> = rest.trim_matches('/').split('/').collect();
    if let Some(id) = path
        .strip_prefix("/labels/")
        .and_then(|file| file.strip_suffix(".zpl"))
    {
        return (200, format!("^XA^FO40,40^FD{id}^FS^XZ"));
    }
    let id = match (method, words.as_slice()) {
        ("POST", [""]) => {
            let id = format!("shp_{}", state.parcels.len() + 1);
            state.parcels.insert(id.clone(), (false, false));
            id
        }
        (_, [id, ..]) => (*id).replace("%5F", "_"),
        _ => return (404, error("NOT_FOUND")),
    };
    let Some((bought, back)) = state.parcels.get_mut(&id) else {
        return (404, error("NOT_FOUND"));
    };
    match (method, words.get(1).copied()) {
        ("POST", Some("buy")) if *bought => return (422, error("SHIPMENT.POSTAGE.EXISTS")),
        ("POST", Some("buy")) => *bought = true,
        ("POST", Some("refund")) if !*bought || *back => {
            return (422, error("SHIPMENT.REFUND.UNAVAILABLE"));
        }
        ("POST", Some("refund")) => *back = true,
        _ => {}
    }
    let rate = |rate: &str, service: &str, price: &str, days: u32| {
        json!({ "id": format!("rate_{rate}_{id}"), "carrier": "USPS", "service": service,
                "rate": price, "currency": "USD", "delivery_days": days })
    };
    let rates = [
        rate("slow", "Ground", "5.50", 20),
        rate("fast", "Priority", "8.10", 2),
    ];
    let label = json!({
        "label_url": "https://files.example/a.png",
        "label_zpl_url": format!("http://127.0.0.1:{port}/labels/{id}.zpl"),
    });
    let text = json!({
        "id": id,
        "rates": rates,
        "selected_rate": bought.then(|| rates[1].clone()),
        "tracking_code": bought.then(|| format!("9400{id}")),
        "postage_label": bought.then_some(label),
        "refund_status": back.then_some("submitted"),
    });
    (200, text.to_string())
}

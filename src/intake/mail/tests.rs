use super::*;

fn read(text: &str) -> Mail {
    Mail::read("a.eml", text.replace('\n', "\r\n").into_bytes())
}

#[test]
fn a_mail_is_decoded() {
    let mail = read(
        "From: =?utf-8?q?In=C3=AAs_Duarte?= <ines@example.com>\n\
         To: Shop <support+tkt-12-K3V9@shop.example>\n\
         Subject: =?utf-8?q?Reclama=C3=A7=C3=A3o?= - pedido #1024\n\
         Date: Mon, 24 Oct 2016 17:18:09 -0300\n\
         Message-ID: <b2@example.com>\n\
         References: <a1@shop.example> <a2@shop.example>\n\
         In-Reply-To: <a3@shop.example>\n\
         Content-Type: text/plain; charset=\"utf-8\"\n\
         Content-Transfer-Encoding: quoted-printable\n\
         \n\
         Produto n=C3=A3o foi entregue, nem o #EN-7.\n",
    );
    assert_eq!(mail.broken, None);
    let from = mail.from.unwrap();
    assert_eq!(
        (from.name.as_str(), from.address.as_str()),
        ("Inês Duarte", "ines@example.com")
    );
    assert_eq!(mail.subject, "Reclamação - pedido #1024");
    assert_eq!(mail.message_id.as_deref(), Some("b2@example.com"));
    assert_eq!(
        mail.answers,
        ["a1@shop.example", "a2@shop.example", "a3@shop.example"]
    );
    assert_eq!(
        mail.sent_at.unwrap().to_rfc3339(),
        "2016-10-24T20:18:09+00:00"
    );
    assert_eq!(mail.text, "Produto não foi entregue, nem o #EN-7.");
    assert_eq!(mail.orders, ["#1024", "#EN-7"]);
    assert_eq!(
        mail.ticket,
        Some(TicketToken {
            number: 12,
            token: "k3v9".into()
        })
    );
    assert_eq!((mail.automatic, mail.bounce), (None, None));
}

#[test]
fn html_alone_becomes_text() {
    let mail = read(
        "From: a@example.com\nSubject: hi\nContent-Type: text/html; charset=utf-8\n\n\
         <html><head><title>T</title><style>p {}</style><script>alert(1)</script></head>\
         <body><p>Where is <b>#7</b>?</p><p>Tom &amp; Ann</p></body></html>",
    );
    assert!(mail.text.contains("Where is #7?"), "{:?}", mail.text);
    assert!(mail.text.contains("Tom & Ann"), "{:?}", mail.text);
    for hidden in ["alert", "p {}", "<"] {
        assert!(!mail.text.contains(hidden), "{:?}", mail.text);
    }
}

#[test]
fn a_program_that_says_so_is_believed() {
    let told = |header: &str| read(&format!("From: a@b.example\n{header}\n\nhi")).automatic;
    for header in [
        "Auto-Submitted: auto-replied (vacation)",
        "Precedence: bulk",
        "X-Autoreply: yes",
        "X-Auto-Response-Suppress: All",
        "List-Id: <news.shop.example>",
        "Return-Path: <>",
    ] {
        assert_eq!(told(header).as_deref(), Some(header));
    }
    for header in [
        "Auto-Submitted: no",
        "Precedence: normal",
        "Return-Path: <a@b.example>",
    ] {
        assert_eq!(told(header), None, "{header}");
    }
}

#[test]
fn a_delivery_report_names_who_did_not_get_what() {
    let mail = read(
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: support@shop.example\n\
         Subject: Undelivered\nAuto-Submitted: auto-replied\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
         --b\nContent-Type: text/plain\n\nSorry.\n\
         --b\nContent-Type: message/delivery-status\n\n\
         Reporting-MTA: dns; mx.example\n\n\
         Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.1.1\n\
         Diagnostic-Code: smtp; 550 no such user\n\n\
         --b\nContent-Type: message/rfc822\n\nMessage-ID: <ours@shop.example>\nSubject: x\n\nbody\n\
         --b--\n",
    );
    let bounce = mail.bounce.unwrap();
    assert_eq!(bounce.recipient.as_deref(), Some("ann@example.com"));
    assert_eq!(bounce.action.as_deref(), Some("failed"));
    assert_eq!(bounce.status.as_deref(), Some("5.1.1"));
    assert_eq!(bounce.diagnostic.as_deref(), Some("550 no such user"));
    assert_eq!(bounce.original.as_deref(), Some("ours@shop.example"));
}

#[test]
fn files_come_with_their_names_and_bytes() {
    let mail = read(
        "From: a@example.com\nContent-Type: multipart/mixed; boundary=b\n\n\
         --b\nContent-Type: text/plain\n\nsee\n\
         --b\nContent-Type: image/png; name=\"broken.png\"\nContent-Disposition: attachment\n\
         Content-Transfer-Encoding: base64\n\niVBORw==\n\
         --b\nContent-Type: application/pdf\nContent-Disposition: attachment\n\nx\n--b--\n",
    );
    let files: Vec<_> = mail
        .attachments
        .iter()
        .map(|file| {
            (
                file.name.as_str(),
                file.content_type.as_str(),
                file.bytes.len(),
            )
        })
        .collect();
    assert_eq!(
        files,
        [
            ("broken.png", "image/png", 4),
            ("part-2.pdf", "application/pdf", 1)
        ]
    );
}

#[test]
fn what_is_no_mail_keeps_its_bytes() {
    for raw in [
        &b""[..],
        b"\0\xFF\xFE",
        b"no header here",
        b"Subject: x\r\n\r\nfrom nobody",
    ] {
        let mail = Mail::read("x", raw.to_vec());
        assert!(mail.broken.is_some(), "{raw:?}");
        assert_eq!(mail.raw, raw);
    }
}

#[test]
fn a_token_reads_back_and_a_bare_number_is_none() {
    let token = TicketToken {
        number: 7,
        token: "k3v9".into(),
    };
    assert_eq!(
        TicketToken::in_subject(&format!("Re: [x] late {token}")),
        Some(token.clone())
    );
    assert_eq!(TicketToken::in_subject("AW: [tkt-7?K3V9]"), Some(token));
    for subject in [
        "[TKT-7]",
        "TKT-7·k3v9",
        "[TKT-·k]",
        "[TKT-7·]",
        "[TKT-7·a b]",
        "[ü",
    ] {
        assert_eq!(TicketToken::in_subject(subject), None, "{subject}");
    }
}

#[test]
fn order_numbers_are_what_people_quote() {
    let of = |text: &str| order_numbers(&[text]);
    assert_eq!(of("Order #1042, #1042 and (#EN-7-)."), ["#1042", "#EN-7"]);
    assert_eq!(of("&#39; a#1 /#2 #abc # 5 ##"), Vec::<String>::new());
}

#[test]
fn folders_are_read_by_name_and_a_dash_is_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["2.eml", "1.eml", ".hidden"] {
        fs::write(
            folder.path().join(name),
            format!("From: a@b.example\nSubject: {name}\n\n"),
        )
        .unwrap();
    }
    let paths = [
        folder.path().to_owned(),
        PathBuf::from("-"),
        folder.path().join("none"),
    ];
    let mut mails = Mails::open(paths, &b"From: c@d.example\nSubject: piped\n\n"[..]);
    let subjects: Vec<_> = mails
        .by_ref()
        .take(3)
        .map(|mail| mail.unwrap().subject)
        .collect();
    assert_eq!(subjects, ["1.eml", "2.eml", "piped"]);
    assert!(matches!(mails.next(), Some(Err(Fault::Rejected(_)))));
    assert!(mails.next().is_none());
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(raw in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        let mail = Mail::read("x", raw.clone());
        proptest::prop_assert_eq!(mail.raw, raw);
    }
}

//! A program in a real pseudo-terminal, seen through a terminal emulator.

use std::io::{Read as _, Write};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Longest wait for anything on the screen.
const LIMIT: Duration = Duration::from_secs(20);

/// The terminal and the program in it, which is ended with the value.
pub(crate) struct Screen {
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    bytes: Receiver<(Instant, Vec<u8>)>,
    seen: vt100::Parser,
    /// Bytes and frames that came so far.
    came: usize,
    frames: usize,
    _master: Box<dyn MasterPty + Send>,
}

impl Screen {
    /// Starts a program.
    pub(crate) fn start(program: &str, arguments: &[&str], (rows, cols): (u16, u16)) -> Self {
        let pty = native_pty_system()
            .openpty(PtySize {
                rows,
                cols,
                pixel_width: 0,
                pixel_height: 0,
            })
            .expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        let child = pty.slave.spawn_command(command).expect("the program");
        let mut reader = pty
            .master
            .try_clone_reader()
            .expect("the terminal's output");
        let (sender, bytes) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 16_384];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender
                    .send((Instant::now(), buffer[..count].to_vec()))
                    .is_err()
                {
                    return;
                }
            }
        });
        Self {
            child,
            writer: pty.master.take_writer().expect("the terminal's input"),
            bytes,
            seen: vt100::Parser::new(
                NonZero::new(rows).expect("rows"),
                NonZero::new(cols).expect("columns"),
                0,
            ),
            came: 0,
            frames: 0,
            _master: pty.master,
        }
    }

    /// The program's process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().expect("a process")
    }

    /// Bytes that came so far.
    pub(crate) const fn bytes(&self) -> usize {
        self.came
    }

    /// Frames that came so far.
    pub(crate) const fn frames(&self) -> usize {
        self.frames
    }

    /// The line of the list's cursor, from 0.
    pub(crate) fn line_with_cursor(&self) -> Option<usize> {
        let screen = self.seen.screen().contents();
        screen.lines().position(|line| line.starts_with('>'))
    }

    fn take(&mut self, bytes: &[u8]) {
        const FRAME: &[u8] = b"\x1b[?2026h";
        self.came += bytes.len();
        self.frames += bytes
            .windows(FRAME.len())
            .filter(|window| *window == FRAME)
            .count();
        self.seen.process(bytes);
    }

    /// Types.
    pub(crate) fn send(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).expect("typing");
        self.writer.flush().expect("typing");
    }

    /// When the bytes came with which this text stood on the screen.
    pub(crate) fn shows(&mut self, text: &str) -> Instant {
        let end = Instant::now() + LIMIT;
        let mut last = Instant::now();
        while !self.seen.screen().contents().contains(text) {
            match self
                .bytes
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok((at, bytes)) => {
                    self.take(&bytes);
                    last = at;
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!(
                        "no “{text}” within {LIMIT:?}:\n{}",
                        self.seen.screen().contents()
                    )
                }
            }
        }
        last
    }

    /// When the next bytes came; those that came before are passed over.
    pub(crate) fn answers(&mut self, keys: &str) -> Duration {
        while let Ok((_, bytes)) = self.bytes.try_recv() {
            self.take(&bytes);
        }
        let sent = Instant::now();
        self.send(keys);
        let (at, bytes) = self.bytes.recv_timeout(LIMIT).expect("an answer");
        self.take(&bytes);
        at.saturating_duration_since(sent)
    }

    /// Reads on until nothing comes for so long.
    pub(crate) fn settle(&mut self, quiet: Duration) {
        while let Ok((_, bytes)) = self.bytes.recv_timeout(quiet) {
            self.take(&bytes);
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A program that has ended by itself cannot be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! The loop: keys, replies, changes and time go in as messages; effects come out and are done
//! elsewhere; the screen is drawn when something changed, at most sixty times a second, however
//! many messages a burst has. Nothing in the loop waits for the database.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use color_eyre::eyre::{Result, eyre};
use crossterm::event::EventStream;
use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use ratatui::Terminal;
use ratatui::backend::Backend;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant as At, sleep_until, timeout};

use super::app::{self, App, Effect, Msg, Settings, update};
use super::effects::Performer;
use super::history;
use super::input::{Chord, Input, Keymap};
use super::terminal::{Taken, is_there, theme};
use super::view::{self, Theme};
use crate::domain::people::Person;
use crate::domain::record::{Kind, RecordId};
use crate::store::db::Db;
use crate::store::feed::{Feed, FeedEvent};

/// Time between two frames at least: sixty a second.
const FRAME: Duration = Duration::from_micros(16_667);
/// Messages taken before the next frame at most, so that a flood cannot keep the screen dark.
const BURST: usize = 512;

/// Leaving waits no longer for others to be told of it.
const FAREWELL: Duration = Duration::from_millis(500);

/// What the console is told when it starts.
#[derive(Debug, Clone)]
pub struct ConsoleOptions {
    /// The shop's name, for the header.
    pub shop: String,
    /// The zone that times are told in.
    pub zone: Tz,
    /// Where the command line's history is kept, if anywhere.
    pub history: Option<PathBuf>,
}

/// Runs the console on this terminal until the person leaves or the terminal is gone.
///
/// # Errors
/// There is no terminal, or it cannot be written to.
pub async fn run(db: Db, feed: Feed, person: Person, options: ConsoleOptions) -> Result<()> {
    let keymap = Keymap::built_in().map_err(|error| eyre!("the built-in keymap: {error}"))?;
    let mut signals = Signals::listen()?;
    let theme = theme();
    let (sender, replies) = unbounded_channel();
    let panics = sender.clone();
    let mut taken = Taken::take(move |what| {
        // Once the console is being left, nobody reads it.
        let _ = panics.send(Msg::Panicked(what));
    })?;
    let size = taken.screen().size()?;
    let performer = Performer::new(db, person.login.clone(), options.zone, sender)
        .with_history(options.history.clone());
    let farewell = performer.clone();
    let settings = Settings {
        shop: options.shop,
        zone: options.zone,
    };
    let mut app = App::new(settings, person, keymap, (size.width, size.height), now());
    if let Some(path) = &options.history {
        app.recollect(history::read(path));
    }
    let mut console = Console {
        app,
        theme,
        replies,
        feed: Box::pin(events(feed)),
        perform: move |effect, now| performer.perform(effect, now),
        clock: now,
        is_there,
        drawn: None,
    };
    let mut inputs = inputs();
    loop {
        let end = tokio::select! {
            // Signals first: however much there is to do, they end it.
            biased;
            ended = signals.ended() => match ended {
                // Ctrl-c from outside the terminal means what it means inside.
                Ended::Interrupt => {
                    let effects = update(&mut console.app, Msg::Key(Chord::ctrl('c')), now());
                    match console.carry_out(effects) {
                        Some(end) => end,
                        None => continue,
                    }
                }
                Ended::Terminate | Ended::HangUp => return Ok(()),
            },
            end = console.drive(taken.screen(), &mut inputs) => end?,
        };
        match end {
            End::Quit => {
                drop(taken);
                // Others need not wait for the end of the lease.
                let _ = timeout(FAREWELL, farewell.leave()).await;
                return Ok(());
            }
            End::Suspend => {
                taken.suspend()?;
                let size = taken.screen().size()?;
                update(
                    &mut console.app,
                    Msg::Resize(size.width, size.height),
                    now(),
                );
            }
            End::Redraw => taken.redraw()?,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the shell asks the clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// What comes from the terminal, until it is gone. In a task of its own, for an [`EventStream`]
/// wakes only who asked it first: asked in passing, it would never wake the loop again.
fn inputs() -> UnboundedReceiver<Input> {
    let (sender, inputs) = unbounded_channel();
    tokio::spawn(async move {
        let mut events = EventStream::new();
        while let Some(Ok(event)) = events.next().await {
            if let Some(input) = Input::from_event(event)
                && sender.send(input).is_err()
            {
                return;
            }
        }
    });
    inputs
}

/// The feed's events as the state takes them.
pub fn events(feed: Feed) -> impl Stream<Item = app::Feed> {
    stream::unfold(feed, |mut feed| async move {
        let event = match feed.next().await {
            FeedEvent::Connected => app::Feed::Live,
            FeedEvent::Resync => app::Feed::Resync,
            FeedEvent::Presence => app::Feed::Presence,
            FeedEvent::Changes(changes) => app::Feed::Changed(
                changes
                    .into_iter()
                    .filter_map(|change| {
                        let kind: Kind = change.kind.parse().ok()?;
                        Some(RecordId::new(kind, change.id))
                    })
                    .collect(),
            ),
            FeedEvent::Lost { since, error } => app::Feed::Lost {
                heard: now() - TimeDelta::from_std(since.elapsed()).unwrap_or_default(),
                why: error.to_string(),
            },
        };
        Some((event, feed))
    })
}

/// Why the loop was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The person leaves, or the terminal is gone.
    Quit,
    /// The terminal goes to the shell for a while.
    Suspend,
    /// The screen is to be drawn from nothing.
    Redraw,
}

/// The loop's state, and its ways in and out.
pub struct Console<P> {
    /// The state.
    pub app: App,
    /// How it is drawn.
    pub theme: Theme,
    /// Answers to effects.
    pub replies: UnboundedReceiver<Msg>,
    /// What the change feed says.
    pub feed: Pin<Box<dyn Stream<Item = app::Feed> + Send>>,
    /// Begins to do an effect.
    pub perform: P,
    /// The time.
    pub clock: fn() -> DateTime<Utc>,
    /// Whether the terminal is still there.
    pub is_there: fn() -> bool,
    /// When the last frame was drawn.
    pub drawn: Option<Instant>,
}

impl<P: FnMut(Effect, DateTime<Utc>)> Console<P> {
    /// Takes messages and draws, until something is to be done with the terminal itself. Can be
    /// given up and called again; no message is lost between.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub async fn drive<B>(
        &mut self,
        terminal: &mut Terminal<B>,
        inputs: &mut UnboundedReceiver<Input>,
    ) -> Result<End>
    where
        B: Backend<Error: Send + Sync + 'static>,
    {
        let mut dirty = true;
        let effects = update(&mut self.app, Msg::Tick, (self.clock)());
        if let Some(end) = self.carry_out(effects) {
            return Ok(end);
        }
        loop {
            let next_frame = self.drawn.map_or_else(Instant::now, |drawn| drawn + FRAME);
            if dirty && Instant::now() >= next_frame {
                self.draw(terminal)?;
                dirty = false;
                continue;
            }
            let next_tick = self.next_tick();
            let msg = tokio::select! {
                biased;
                input = inputs.recv() => match input {
                    Some(input) => input.into(),
                    None => return Ok(End::Quit),
                },
                () = sleep_until(At::from_std(next_frame)), if dirty => continue,
                Some(reply) = self.replies.recv() => reply,
                Some(event) = self.feed.next() => Msg::Feed(event),
                () = sleep_until(next_tick) => {
                    if !(self.is_there)() {
                        return Ok(End::Quit);
                    }
                    Msg::Tick
                }
            };
            dirty = true;
            if let Some(end) = self.take(msg) {
                return Ok(end);
            }
            for _ in 0..BURST {
                let Some(msg) = self.waiting(inputs) else {
                    break;
                };
                if let Some(end) = self.take(msg) {
                    return Ok(end);
                }
            }
        }
    }

    /// A message that is there already.
    fn waiting(&mut self, inputs: &mut UnboundedReceiver<Input>) -> Option<Msg> {
        if let Ok(input) = inputs.try_recv() {
            return Some(input.into());
        }
        if let Ok(reply) = self.replies.try_recv() {
            return Some(reply);
        }
        self.feed.next().now_or_never().flatten().map(Msg::Feed)
    }

    fn take(&mut self, msg: Msg) -> Option<End> {
        let effects = update(&mut self.app, msg, (self.clock)());
        self.carry_out(effects)
    }

    /// Begins what is to be done; what only the terminal's owner can do ends the loop.
    fn carry_out(&mut self, effects: Vec<Effect>) -> Option<End> {
        let mut end = None;
        for effect in effects {
            match effect {
                Effect::Quit => end = Some(End::Quit),
                Effect::Suspend => end = Some(End::Suspend),
                Effect::Redraw => end = Some(End::Redraw),
                other => (self.perform)(other, self.app.now),
            }
        }
        end
    }

    fn draw<B>(&mut self, terminal: &mut Terminal<B>) -> Result<()>
    where
        B: Backend<Error: Send + Sync + 'static>,
    {
        let (app, theme) = (&self.app, self.theme);
        terminal.draw(|frame| view::draw(frame, app, theme))?;
        self.drawn = Some(Instant::now());
        Ok(())
    }

    /// The next full second, so that the clock goes evenly; sooner where the state waits.
    fn next_tick(&self) -> At {
        let rest = 1000 - (self.clock)().timestamp_subsec_millis() % 1000;
        let rest = if self.app.wants_tick() {
            rest.min(100)
        } else {
            rest
        };
        At::now() + Duration::from_millis(u64::from(rest))
    }
}

/// Signals that end the console.
struct Signals {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
}

enum Ended {
    Terminate,
    HangUp,
    Interrupt,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn ended(&mut self) -> Ended {
        tokio::select! {
            _ = self.hang_up.recv() => Ended::HangUp,
            _ = self.terminate.recv() => Ended::Terminate,
            _ = self.interrupt.recv() => Ended::Interrupt,
        }
    }
}

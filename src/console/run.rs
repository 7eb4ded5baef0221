//! The loop: keys, replies, changes and time go in as messages; effects come out and are done
//! elsewhere; the screen is drawn when something changed, at most sixty times a second, however
//! many messages a burst has. Nothing in the loop waits for the database.

use std::io;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;
use std::pin::Pin;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use color_eyre::eyre::Result;
use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use ratatui::Terminal;
use rustix::process;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant as At, sleep_until, timeout};

use super::app::{self, App, Effect, Msg, Settings, update};
use super::effects::{LeftBehind, Performer};
use super::history;
use super::input::{Chord, Input, Keymap};
use super::terminal::{self, Canvas, Capabilities, Outside, Taken};
use super::view::{self, Theme};
use crate::actions::Terms;
use crate::actions::labels::Printing;
use crate::domain::people::Person;
use crate::domain::record::{Kind, RecordId};
use crate::store::db::Db;
use crate::store::feed::{Feed, FeedEvent};

/// Time between two frames at least: sixty a second.
const FRAME: Duration = Duration::from_micros(16_667);
/// What a new minute changes is read again, and drawn together with the clock: it waits so long.
const TOGETHER: Duration = Duration::from_millis(150);
/// Messages taken before the next frame at most, so that a flood cannot keep the screen dark.
const BURST: usize = 512;

/// Leaving waits no longer for the database.
const FAREWELL: Duration = Duration::from_millis(500);

/// What the console is told when it starts.
#[derive(Debug, Clone)]
pub struct ConsoleOptions {
    /// What does not change while it runs.
    pub settings: Settings,
    /// The keys.
    pub keymap: Keymap,
    /// How things look.
    pub theme: Theme,
    /// What the terminal can do.
    pub can: Capabilities,
    /// The way to what is beyond the window.
    pub outside: Outside,
    /// What the settings say to acts.
    pub terms: Terms,
    /// What the settings say of printing.
    pub printing: Printing,
    /// Where the command line's history is kept, if anywhere.
    pub history: Option<PathBuf>,
    /// Where texts that the database does not take are kept, if anywhere.
    pub drafts: Option<PathBuf>,
}

/// Runs the console on this terminal until the person leaves or the terminal is gone. Answers with
/// what was written and the database did not take, where there is any.
///
/// # Errors
/// There is no terminal, or it cannot be written to.
pub async fn run(
    db: Db,
    feed: Feed,
    person: Person,
    options: ConsoleOptions,
) -> Result<Option<LeftBehind>> {
    let mut signals = Signals::listen()?;
    let (sender, replies) = unbounded_channel();
    let panics = sender.clone();
    let mut taken = Taken::take(options.can, move |what| {
        // Once the console is being left, nobody reads it.
        let _ = panics.send(Msg::Panicked(what));
    })?;
    let size = taken.screen().size()?;
    let performer = Performer::new(db, person.login.clone(), options.terms, sender)
        .with(options.printing)
        .with_history(options.history.clone())
        .with_drafts(options.drafts);
    let farewell = performer.clone();
    let size = (size.width, size.height);
    let mut app = App::new(options.settings, person, options.keymap, size, now());
    if let Some(path) = &options.history {
        app.recollect(history::read(path));
    }
    let mut console = Console {
        app,
        theme: options.theme,
        replies,
        feed: Box::pin(events(feed)),
        perform: move |effect, now| performer.perform(effect, now),
        clock: now,
        outside: options.outside,
        drawn: None,
        told: None,
    };
    let mut inputs = terminal::inputs()?;
    let ended = AssertUnwindSafe(to_the_end(
        &mut console,
        &mut taken,
        &mut signals,
        &mut inputs,
    ));
    let ended = ended.catch_unwind().await;
    drop(taken);
    // However it ended, the last words that were typed are kept, here first: the database may not
    // answer. Others need not wait for the end of the lease.
    let words = console.app.last_words();
    let set_aside = farewell.set_last_words_aside(&words);
    let taken = timeout(FAREWELL, farewell.leave(&words)).await == Ok(true);
    match ended {
        Ok(ended) => ended.map(|()| farewell.left_behind(words, set_aside, taken)),
        Err(panic) => resume_unwind(panic),
    }
}

/// Goes on until the person leaves or the terminal is gone.
async fn to_the_end<P: FnMut(Effect, DateTime<Utc>)>(
    console: &mut Console<P>,
    taken: &mut Taken,
    signals: &mut Signals,
    inputs: &mut UnboundedReceiver<Input>,
) -> Result<()> {
    loop {
        let end = tokio::select! {
            // Signals first: however much there is to do, they end it.
            biased;
            told = signals.told() => match told {
                // Ctrl-c from outside the terminal means what it means inside.
                Told::Interrupt => {
                    let effects = update(&mut console.app, Msg::Key(Chord::ctrl('c')), now());
                    match console.carry_out(effects) {
                        Some(end) => end,
                        None => continue,
                    }
                }
                Told::Terminate | Told::HangUp => End::Quit,
                Told::Stop => End::Suspend,
                Told::Continue => {
                    taken.resume()?;
                    console.measure(taken)?;
                    continue;
                }
            },
            end = console.drive(taken.screen(), inputs) => end?,
        };
        match end {
            End::Quit => return Ok(()),
            End::Suspend => {
                taken.suspend()?;
                console.measure(taken)?;
            }
            End::Redraw => taken.redraw()?,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the shell asks the clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
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
    /// The way to what is beyond the window.
    pub outside: Outside,
    /// When the last frame was drawn.
    pub drawn: Option<Instant>,
    /// The minute that the last frame told.
    pub told: Option<i64>,
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
        B: Canvas<Error: Send + Sync + 'static>,
    {
        let mut dirty = true;
        let mut held: Option<Instant> = None;
        let effects = update(&mut self.app, Msg::Tick, (self.clock)());
        if let Some(end) = self.carry_out(effects) {
            return Ok(end);
        }
        loop {
            let next_frame = self.next_frame(terminal.backend());
            let next_frame = held.map_or(next_frame, |until| next_frame.max(until));
            if dirty && Instant::now() >= next_frame {
                self.draw(terminal)?;
                dirty = false;
                held = None;
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
                    let fading = self.app.is_fading();
                    if let Some(end) = self.take(Msg::Tick) {
                        return Ok(end);
                    }
                    // Time alone is seen when something fades, and when the minute is another.
                    let another = self.told != Some(minute(self.app.now));
                    if another && !fading && !dirty {
                        held = Some(Instant::now() + TOGETHER);
                    }
                    dirty |= fading || another;
                    continue;
                }
            };
            dirty = true;
            held.take_if(|_| msg.is_by_hand());
            if let Some(end) = self.take(msg) {
                return Ok(end);
            }
            for _ in 0..BURST {
                let Some(msg) = self.waiting(inputs) else {
                    break;
                };
                held.take_if(|_| msg.is_by_hand());
                if let Some(end) = self.take(msg) {
                    return Ok(end);
                }
            }
        }
    }

    /// Asks how large the terminal is, after others have had it.
    fn measure(&mut self, taken: &mut Taken) -> io::Result<()> {
        let size = taken.screen().size()?;
        // Nothing that ends the console comes of a size.
        self.take(Msg::Resize(size.width, size.height));
        Ok(())
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
                Effect::Copy(text) => self.outside.copy(&text),
                Effect::Alarm(text) => self.outside.alarm(&text),
                other => (self.perform)(other, self.app.now),
            }
        }
        end
    }

    fn draw<B>(&mut self, terminal: &mut Terminal<B>) -> Result<()>
    where
        B: Canvas<Error: Send + Sync + 'static>,
    {
        terminal.autoresize()?;
        let drawn = view::draw(&mut terminal.get_frame(), &self.app, self.theme);
        let canvas = terminal.backend_mut();
        canvas.links(drawn.links);
        canvas.send(&self.outside.take());
        terminal.flush()?;
        match drawn.cursor {
            Some(cursor) => {
                terminal.show_cursor()?;
                terminal.set_cursor_position(cursor)?;
            }
            None => terminal.hide_cursor()?,
        }
        terminal.swap_buffers();
        terminal.backend_mut().flush()?;
        self.drawn = Some(Instant::now());
        self.told = Some(minute(self.app.now));
        Ok(())
    }

    /// A terminal that has not taken the last frame gets no other until it has.
    fn next_frame(&self, canvas: &impl Canvas) -> Instant {
        match self.drawn {
            _ if canvas.is_busy() => Instant::now() + FRAME,
            Some(drawn) => drawn + FRAME,
            None => Instant::now(),
        }
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

/// The header tells time by the minute.
const fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

/// Signals that end the console, or its hold on the terminal.
struct Signals {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
    stop: Signal,
    go_on: Signal,
}

enum Told {
    Terminate,
    HangUp,
    Interrupt,
    Stop,
    Continue,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let of = |number: process::Signal| signal(SignalKind::from_raw(number.as_raw()));
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            stop: of(process::Signal::TSTP)?,
            go_on: of(process::Signal::CONT)?,
        })
    }

    async fn told(&mut self) -> Told {
        tokio::select! {
            biased;
            _ = self.hang_up.recv() => Told::HangUp,
            _ = self.terminate.recv() => Told::Terminate,
            _ = self.interrupt.recv() => Told::Interrupt,
            // First of the two: who is stopped and continued is to hold the terminal in the end.
            _ = self.stop.recv() => Told::Stop,
            _ = self.go_on.recv() => Told::Continue,
        }
    }
}

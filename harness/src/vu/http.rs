//! The measured HTTP client of one virtual user, with k6's definitions of a request's times.
//!
//! ```text
//! |------------ blocked ------------|--------------- duration ---------------|
//! |  wait for a free connection,    |  sending  |   waiting   |  receiving   |
//! |  connecting, tls handshaking    |           | (to 1st byte)|             |
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use url::{Position, Url};

use super::call::Call;
use super::connection::{Connection, Received};
use super::cookies::Jar;
use super::error::TransportError;
use super::exchange::{Exchange, Response};
use super::header::Fields;
use super::io::Stream;
use super::sessions::{Outgoing, Sessions};
use super::target::{Opening, Target};
use crate::catalogue::PartEntry;
use crate::metrics::Method;

/// The connections of one virtual user.
pub struct Client {
    target: Arc<Target>,
    timeout: Duration,
    /// The header fields of the run.
    fields: Arc<Fields>,
    /// The user's cookies, if it keeps any.
    jar: Option<Box<Jar>>,
    /// Connections not in use, the latest used last. One is the rule; concurrent requests of the
    /// same user open more. The lock is never contended: a user is one task.
    #[expect(
        clippy::vec_box,
        reason = "a pointer is what every future of a request moves on, not the whole connection"
    )]
    idle: Mutex<Vec<Box<Connection>>>,
    /// The same where HTTP/2 may be spoken.
    sessions: Sessions,
}

impl Client {
    /// A client without connections, whose requests have these fields. `cookies` says whether it
    /// keeps what servers set.
    #[must_use]
    pub fn new(target: Arc<Target>, timeout: Duration, fields: Arc<Fields>, cookies: bool) -> Self {
        Self {
            target,
            timeout,
            fields,
            jar: cookies.then(Box::default),
            idle: Mutex::new(Vec::new()),
            sessions: Sessions::new(),
        }
    }

    /// How many bytes the body of an answer may have, as it comes and when it is decoded.
    pub(super) fn most_body(&self) -> usize {
        self.target.most_body()
    }

    /// Closes every idle connection.
    pub fn disconnect(&self) {
        self.idle.lock().clear();
        self.sessions.disconnect();
    }

    /// Sends a call and notes in `exchange` what comes of it, as it comes: a call that is dropped
    /// half-way leaves what is known by then.
    pub(super) async fn send(&self, call: &Call<'_>, exchange: &mut Exchange) {
        if let Err(error) = call.check() {
            exchange.response = Err(error.into());
            return;
        }
        let started = Instant::now();
        let deadline = (started + self.timeout).into();
        if let Some(connection) = self.reuse(started).await {
            self.over(connection, call, exchange, started, deadline)
                .await;
            if !exchange.was_never_heard(call.method) {
                return self.keep_cookies(call, exchange);
            }
            // Closed by the server as it was written, as servers do with what was idle for long.
            exchange.again();
        }
        if self.target.speaks_http2() {
            let outgoing = self.outgoing(call);
            let sessions = &self.sessions;
            let sent = sessions.send(&self.target, &outgoing, exchange, started, deadline);
            if let Err(stream) = Box::pin(sent).await {
                let connection = self.connection(stream, deadline);
                Box::pin(self.over(connection, call, exchange, started, deadline)).await;
            }
            return self.keep_cookies(call, exchange);
        }
        // Boxed: rare, and larger than everything else that a request keeps in memory.
        let opened = Box::pin(self.open(exchange, deadline)).await;
        match opened {
            Err(error) => {
                exchange.times.blocked = started.elapsed();
                exchange.response = Err(error);
            }
            Ok(connection) => {
                Box::pin(self.over(connection, call, exchange, started, deadline)).await;
            }
        }
        self.keep_cookies(call, exchange);
    }

    /// Sends it over this connection, which is kept if another may follow.
    async fn over(
        &self,
        mut connection: Box<Connection>,
        call: &Call<'_>,
        exchange: &mut Exchange,
        started: Instant,
        deadline: tokio::time::Instant,
    ) {
        let begun = Instant::now();
        exchange.times.blocked = begun - started;
        exchange.connected = true;
        connection.meter().begin();
        self.write(&mut connection, call);
        let keep = exchange
            .answer(&mut connection, call.method, self.target.parts(), deadline)
            .await;
        exchange.measure(&mut connection, begun);
        if keep {
            self.idle.lock().push(connection);
        }
    }

    /// An idle connection that the server has not closed meanwhile, and that is not too old.
    async fn reuse(&self, now: Instant) -> Option<Box<Connection>> {
        loop {
            let mut connection = self.idle.lock().pop()?;
            let age = self.target.connection_age();
            if age.is_some_and(|age| connection.age(now) > age) {
                continue;
            }
            connection.rewind();
            if connection.is_open().await {
                return Some(connection);
            }
        }
    }

    async fn open(
        &self,
        exchange: &mut Exchange,
        deadline: tokio::time::Instant,
    ) -> Result<Box<Connection>, TransportError> {
        let mut opening = Opening::default();
        let opened = self.target.open(&mut opening, deadline).await;
        exchange.times.opened(opening);
        Ok(self.connection(opened?, deadline))
    }

    fn connection(&self, stream: Stream, deadline: tokio::time::Instant) -> Box<Connection> {
        Box::new(Connection::over(stream, deadline, self.target.most_body()))
    }

    fn write(&self, connection: &mut Connection, call: &Call<'_>) {
        let cookie = self.cookie(call);
        let prefix = self.target.prefix();
        call.write_head(&mut connection.out, prefix, &self.fields, cookie.as_deref());
        call.write_content(&mut connection.out);
    }

    /// The same for HTTP/2, which says the same in another form.
    fn outgoing(&self, call: &Call<'_>) -> Outgoing {
        let cookie = self.cookie(call);
        let mut fields = Vec::new();
        call.each_field(&self.fields, cookie.as_deref(), |name, value| {
            fields.push((name.to_owned(), value.to_owned()));
        });
        Outgoing {
            method: call.method,
            path: format!("{}{}", self.prefix(call), call.path),
            fields,
            body: call.content(),
        }
    }

    fn cookie(&self, call: &Call<'_>) -> Option<String> {
        let jar = self.jar.as_ref()?;
        jar.cookie(&self.url(call)?)
    }

    fn keep_cookies(&self, call: &Call<'_>, exchange: &Exchange) {
        if let (Some(jar), Ok(response)) = (&self.jar, &exchange.response)
            && let Some(url) = self.url(call)
        {
            jar.keep(&response.head, &url);
        }
    }

    /// What comes before a call's path.
    fn prefix(&self, call: &Call<'_>) -> &str {
        if call.rooted {
            ""
        } else {
            self.target.prefix()
        }
    }

    /// The address that a call goes to, as text.
    pub(super) fn address(&self, call: &Call<'_>) -> String {
        let origin = &self.target.base()[..Position::BeforePath];
        format!("{origin}{}{}", self.prefix(call), call.path)
    }

    /// The address that a call goes to; none for what isn't a path.
    pub(super) fn url(&self, call: &Call<'_>) -> Option<Url> {
        Url::parse(&self.address(call)).ok()
    }
}

impl Exchange {
    /// Sends what was written and takes the answer; whether the connection may be used again.
    async fn answer(
        &mut self,
        connection: &mut Connection,
        method: Method,
        known: &[PartEntry],
        deadline: tokio::time::Instant,
    ) -> bool {
        match connection.exchange(method, known, deadline).await {
            Ok(Received {
                head,
                text,
                body,
                keep,
            }) => {
                self.server_timing = head.server_timing;
                self.response = Ok(Response {
                    status: head.status,
                    head: text,
                    body,
                    coded: head.coded,
                });
                keep
            }
            Err(error) => {
                self.response = Err(error);
                false
            }
        }
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;

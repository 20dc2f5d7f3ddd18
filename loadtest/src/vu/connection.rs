//! One keep-alive HTTP/1.1 connection, driven by the task that uses it.
//!
//! hyper's connection is a future of its own, usually spawned. Here the virtual user polls it
//! together with its request: no second task, no wake-up between the two.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Sleep, sleep_until};

use super::http::TransportError;
use super::io::{Meter, Stream};

type Payload = Full<Bytes>;

/// A connection between exchanges.
pub(super) struct Connection {
    sender: http1::SendRequest<Payload>,
    driver: http1::Connection<TokioIo<Stream>, Payload>,
    /// hyper has nothing left to do: the peer closed, or the protocol broke.
    closed: bool,
    meter: Arc<Meter>,
    /// Armed for an earlier deadline than the current one, mostly: it is moved only when it
    /// fires, once in a time-out and not once in a request.
    timer: Pin<Box<Sleep>>,
}

impl Connection {
    pub(super) async fn over(
        stream: Stream,
        meter: Arc<Meter>,
        deadline: Instant,
    ) -> Result<Self, TransportError> {
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self {
            sender,
            driver,
            closed: false,
            meter,
            timer: Box::pin(sleep_until(deadline)),
        })
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Waits until a request may be sent; false when the peer has closed the connection.
    pub(super) async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| {
            self.drive(cx);
            match self.sender.poll_ready(cx) {
                Poll::Ready(ready) => Poll::Ready(ready.is_ok() && !self.closed),
                Poll::Pending if self.closed => Poll::Ready(false),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Sends the request and waits for the head of the answer.
    pub(super) async fn head(
        &mut self,
        request: http::Request<Payload>,
        deadline: Instant,
    ) -> Result<http::Response<Incoming>, TransportError> {
        let mut response = pin!(self.sender.send_request(request));
        poll_fn(|cx| {
            drive(&mut self.driver, &mut self.closed, cx);
            match response.as_mut().poll(cx) {
                Poll::Ready(response) => Poll::Ready(response.map_err(TransportError::from)),
                Poll::Pending if self.closed => Poll::Ready(Err(TransportError::Closed)),
                Poll::Pending => {
                    overdue(&mut self.timer, deadline, cx).map(|()| Err(TransportError::Timeout))
                }
            }
        })
        .await
    }

    /// Reads the body to its end.
    pub(super) async fn body(
        &mut self,
        mut body: Incoming,
        deadline: Instant,
    ) -> Result<Bytes, TransportError> {
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(frame) = poll_fn(|cx| {
            self.drive(cx);
            match Pin::new(&mut body).poll_frame(cx) {
                Poll::Ready(frame) => {
                    Poll::Ready(frame.map(|frame| frame.map_err(TransportError::from)))
                }
                Poll::Pending if self.closed => Poll::Ready(Some(Err(TransportError::Closed))),
                Poll::Pending => overdue(&mut self.timer, deadline, cx)
                    .map(|()| Some(Err(TransportError::Timeout))),
            }
        })
        .await
        {
            let Ok(data) = frame?.into_data() else {
                continue;
            };
            // One frame is the rule, and is handed on without a copy.
            if first.is_empty() {
                first = data;
            } else {
                rest.extend_from_slice(&data);
            }
        }
        if rest.is_empty() {
            return Ok(first);
        }
        let mut whole = BytesMut::from(&*first);
        whole.unsplit(rest);
        Ok(whole.freeze())
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        drive(&mut self.driver, &mut self.closed, cx);
    }
}

fn drive(
    driver: &mut http1::Connection<TokioIo<Stream>, Payload>,
    closed: &mut bool,
    cx: &mut Context<'_>,
) {
    // Its error, if any, also reaches the request that it concerns.
    *closed = *closed || Pin::new(driver).poll(cx).is_ready();
}

/// Ready when the deadline has passed.
fn overdue(timer: &mut Pin<Box<Sleep>>, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
    while timer.as_mut().poll(cx).is_ready() {
        if Instant::now() >= deadline {
            return Poll::Ready(());
        }
        timer.as_mut().reset(deadline);
    }
    Poll::Pending
}

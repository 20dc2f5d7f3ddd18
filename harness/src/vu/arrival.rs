//! When bytes reached this machine, as its kernel saw it.
//!
//! A generator that reads late, because another program had the core or another socket was first,
//! would count its own delay as the server's. The kernel records when a packet arrives, and tells
//! it when its bytes are read (`SO_TIMESTAMPNS`: `socket(7)`, and "Timestamping" in the kernel's
//! documentation). Lancet measures like this too (Kogias et al., USENIX ATC 2019).

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd;
use std::task::{Context, Poll, ready};
use std::time::{Instant, SystemTime};

use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use nix::sys::time::TimeSpec;
use tokio::io::{Interest, ReadBuf};
use tokio::net::TcpStream;

/// The most that is read at once.
const ROOM: usize = 16 * 1024;

thread_local! {
    /// Where the kernel puts bytes and what it says of them: one for all sockets of a thread,
    /// because it is written whole once and then stays in the cache.
    static BUFFERS: RefCell<(Vec<u8>, Vec<u8>)> =
        RefCell::new((vec![0; ROOM], cmsg_space!(TimeSpec)));
}

/// Makes the kernel record when packets arrive at this socket. If no other program on this machine
/// uses that, it begins a moment later. Linux only.
pub(super) fn note(socket: &TcpStream) {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::socket::{setsockopt, sockopt::ReceiveTimestampns};
        if let Err(error) = setsockopt(socket, ReceiveTimestampns, &true) {
            tracing::debug!(%error, "answers will have come when they are read");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}

/// Reads what is there; gives how many bytes, none at the end, and when the last of them came:
/// now, if the kernel didn't note it.
pub(super) fn poll_read(
    socket: &TcpStream,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<(usize, Instant)>> {
    loop {
        ready!(socket.poll_read_ready(cx))?;
        let mut read = None;
        let tried = socket.try_io(Interest::READABLE, || {
            let room = buf.remaining().min(ROOM);
            let (bytes, came) = read_now(socket, room, buf)?;
            read = Some((bytes, came));
            // Some, but less than there was room for: the socket is empty, and has nothing to say
            // until the next event. Tokio's own reads conclude the same, and save a system call.
            if (1..room).contains(&bytes) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(())
        });
        match (read, tried) {
            (Some(read), _) => return Poll::Ready(Ok(read)),
            (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => {
                return Poll::Ready(Err(error));
            }
            // Not ready after all: asked again, which waits for the next event.
            (None, _) => {}
        }
    }
}

fn read_now(
    socket: &TcpStream,
    room: usize,
    buf: &mut ReadBuf<'_>,
) -> io::Result<(usize, Instant)> {
    BUFFERS.with_borrow_mut(|(bytes, control)| {
        let mut parts = [IoSliceMut::new(&mut bytes[..room])];
        let fd = socket.as_raw_fd();
        let message = recvmsg::<()>(fd, &mut parts, Some(control), MsgFlags::empty())?;
        let noted = message
            .cmsgs()
            .ok()
            .and_then(|mut all| all.find_map(|said| noted(&said)));
        // None as well if the clock was set back meanwhile.
        let ago = noted.and_then(|noted| noted.elapsed().ok());
        // After that: whatever comes between the two makes it later, and never too early.
        let now = Instant::now();
        let came = ago.and_then(|ago| now.checked_sub(ago)).unwrap_or(now);
        let read = message.bytes;
        buf.put_slice(&bytes[..read]);
        Ok((read, came))
    })
}

fn noted(said: &ControlMessageOwned) -> Option<SystemTime> {
    match said {
        #[cfg(target_os = "linux")]
        ControlMessageOwned::ScmTimestampns(at) => {
            SystemTime::UNIX_EPOCH.checked_add(std::time::Duration::from(*at))
        }
        _ => None,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    /// How late the tests read.
    const LATE: Duration = Duration::from_millis(20);

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let reader = TcpStream::connect(address).await.expect("it listens");
        let (writer, _) = listener.accept().await.expect("a connection");
        (reader, writer)
    }

    /// Reads into so much room.
    async fn read(reader: &TcpStream, room: usize) -> (Vec<u8>, Instant) {
        let mut bytes = vec![0; room];
        let mut buf = ReadBuf::new(&mut bytes);
        let read = poll_fn(|cx| poll_read(reader, cx, &mut buf)).await;
        let (read, came) = read.expect("it is open");
        assert_eq!(buf.filled().len(), read);
        bytes.truncate(read);
        (bytes, came)
    }

    #[tokio::test]
    async fn bytes_came_when_they_were_sent_and_not_when_they_are_read() {
        let (reader, mut writer) = pair().await;
        note(&reader);
        let mut noted = false;
        for _ in 0..50 {
            let before = Instant::now();
            writer.write_all(b"answer").await.expect("it is open");
            let after = Instant::now();
            std::thread::sleep(LATE);
            let (bytes, came) = read(&reader, 64).await;
            assert_eq!(bytes, b"answer");
            assert!(came >= before, "{:?} too early", before - came);
            // Once the kernel has begun to note it, it does so always.
            noted |= came <= after;
            assert_eq!(noted, came <= after);
        }
        assert!(noted);
    }

    #[tokio::test]
    async fn without_a_note_bytes_come_when_they_are_read() {
        let (reader, mut writer) = pair().await;
        let before = Instant::now();
        writer.write_all(b"answer").await.expect("it is open");
        std::thread::sleep(LATE);
        let (_, came) = read(&reader, 64).await;
        assert!(came - before >= LATE);
    }

    #[tokio::test]
    async fn every_byte_is_read_in_turn_and_then_the_end() {
        let (reader, mut writer) = pair().await;
        let sent: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        let expected = sent.clone();
        tokio::spawn(async move {
            writer.write_all(&sent).await.expect("it is open");
            // What comes after a pause is an event of its own.
            tokio::time::sleep(LATE).await;
            writer.write_all(b"the end").await.expect("it is open");
        });
        let mut all = Vec::new();
        // Rooms of all sizes: smaller and larger than what is there, and than what is read at once.
        for room in [1, 100, 1_000, 30_000].into_iter().cycle() {
            let (bytes, _) = read(&reader, room).await;
            if bytes.is_empty() {
                break;
            }
            all.extend(bytes);
        }
        assert_eq!(all, [expected, b"the end".to_vec()].concat());
    }
}

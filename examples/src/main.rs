//! A load test of a library's API: everybody may read the catalogue, members borrow with a token.

use std::process::ExitCode;
use std::sync::Arc;

use harness::{
    Amount, Audit, Error, Header, Invariant, Options, Persona, Program, Request, Stop, Suite,
    VirtualUser, secret,
};
use serde::Deserialize;
use serde_json::json;

static LIST: Request = Request::get("list_books");
static OPEN: Request = Request::get("open_book");
static BORROW: Request = Request::post("borrow_book").expects(&[201]);

#[derive(Deserialize)]
struct Book {
    id: u64,
    /// Copies on the shelf.
    copies: i64,
}

static READER: Persona<VirtualUser> = Persona {
    key: 'r',
    name: "reader",
    summary: "looks through the catalogue and opens a book",
    requests: &[("list_books", 1, 1), ("open_book", 1, 1)],
    iterate: &read,
};

async fn read(vu: &mut VirtualUser) -> Result<(), Stop> {
    let id = choose(vu).await?;
    let answer = vu.send(OPEN.at(format!("/books/{id}"))).await;
    let book: Book = vu.json(&answer)?;
    vu.check("the right book", book.id == id);
    Ok(())
}

static MEMBER: Persona<VirtualUser> = Persona {
    key: 'm',
    name: "member",
    summary: "looks through the catalogue and borrows a book",
    requests: &[("list_books", 1, 1), ("borrow_book", 1, 1)],
    iterate: &borrow,
};

async fn borrow(vu: &mut VirtualUser) -> Result<(), Stop> {
    let id = choose(vu).await?;
    let call = BORROW.at("/loans").json(&json!({ "book": id }));
    let answer = vu.send(call).await;
    vu.check("borrowed with 201", answer.status == 201);
    Ok(())
}

/// A book of the catalogue: another one for each virtual user.
async fn choose(vu: &mut VirtualUser) -> Result<u64, Stop> {
    let answer = vu.send(LIST.at("/books")).await;
    let books: Vec<Book> = vu.json(&answer)?;
    let mut books = books.iter().cycle().skip(vu.number as usize);
    books.next().map(|book| book.id).ok_or(Stop::Unusable)
}

struct Bookshelf;

impl Suite for Bookshelf {
    type World = ();
    type User = VirtualUser;
    const PROGRAM: Program = Program {
        name: "bookshelf",
        about: "Load-tests a library's API with readers and members",
        version: env!("CARGO_PKG_VERSION"),
    };

    fn requests() -> Vec<&'static Request> {
        vec![&LIST, &OPEN, &BORROW]
    }

    fn personas() -> Vec<&'static Persona<VirtualUser>> {
        vec![&READER, &MEMBER]
    }

    fn checks(_: &Options) -> Vec<&'static str> {
        vec!["the right book", "borrowed with 201"]
    }

    fn headers() -> Result<Vec<Header>, Error> {
        let token = secret::from_env("BOOKSHELF_TOKEN")?;
        Ok(vec![Header::new(
            "authorization",
            &format!("Bearer {token}"),
        )?])
    }

    fn user(vu: VirtualUser, _: &Arc<()>) -> VirtualUser {
        vu
    }

    async fn audit(after: Audit<'_, Self>) -> Result<Vec<Invariant>, Error> {
        let books: Vec<Book> = after.admin.get("/books").await?;
        let overdrawn = books.iter().filter(|book| book.copies < 0).count() as i64;
        let rule = "books borrowed more often than there are copies";
        let invariant = Invariant::new(rule, Amount::Exactly(0), overdrawn);
        Ok(vec![invariant.about(&[&BORROW])])
    }
}

fn main() -> ExitCode {
    harness::main::<Bookshelf>()
}

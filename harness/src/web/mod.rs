//! The live page (`--web`): a small HTTP server beside the load. It knows neither the report nor the
//! run: a [`Render`] makes the page, and [`Control`](crate::executor::Control) stops the run.

mod address;
mod audience;
mod page;
mod request;
mod server;
mod token;

pub use address::{DEFAULT, parse};
pub use audience::Audience;
pub use page::Render;
pub use server::{Web, bind};

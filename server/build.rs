//! Makes Cargo notice a new migration, which no source file mentions.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}

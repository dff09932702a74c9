//! Builds again when the web app was built again. The app itself is built by npm, before (`make web`).

fn main() {
    println!("cargo:rerun-if-changed=../../web/dist");
}

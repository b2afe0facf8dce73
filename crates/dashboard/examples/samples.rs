//! Serves every page with made-up data, for looking at: `cargo run -p moltforge-dashboard --example samples [PORT]`.

use moltforge_dashboard::samples;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "says where to look")]
async fn main() -> std::io::Result<()> {
    let port: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8421);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://127.0.0.1:{port}/samples");
    axum::serve(listener, samples::router()).await
}

// SPDX-License-Identifier: Apache-2.0
//! The Lambda Web Adapter: an extension that waits for a web server, and is the runtime in front of it.

use lambda_web_adapter::{Adapter, AdapterOptions, Error};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut adapter = Adapter::new(&AdapterOptions::default());

    adapter.register_default_extension();
    adapter.check_init_health().await;
    adapter.run().await
}

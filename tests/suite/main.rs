//! Every test that needs a real server or the whole program, in one binary: the server is started
//! once and linking is paid once.

mod grants;
mod harness;
mod local_server;

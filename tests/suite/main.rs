//! Every test that needs a real server or the whole program, in one binary: the server is started
//! once and linking is paid once.

mod harness;
mod network;
mod pty;
mod shop;
mod works;

mod act_command;
mod acts;
mod addresses;
mod answers;
mod carriers;
mod console;
mod contention;
mod db;
mod demo;
mod demo_command;
mod drafts;
mod feed;
mod grants;
mod guards;
mod hostile;
mod import_memory;
mod imports;
mod intake;
mod jobs;
mod labels;
mod lists;
mod local_server;
mod manners;
mod notices;
mod pictures;
mod promises;
mod quotes;
mod readme;
mod real_data;
mod reasons;
mod screens;
mod setbacks;
mod sqlx_metadata;
mod terminal;
mod together;
mod widths;
mod worker;

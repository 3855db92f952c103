//! The engine from outside: frames in, sessions out.

mod anew;
mod chains;
mod claims;
mod cut;
mod damage;
mod direction;
mod golden;
mod groups;
mod hairpin;
mod handover;
mod left_over;
mod media;
mod netfilter;
mod one_side;
mod open;
mod other_speech;
mod out_of_step;
mod partial;
mod quiet_end;
mod retire;
mod sessions;
mod shared_numbers;
mod stopped;
mod support;
mod tunnels;
mod untold;

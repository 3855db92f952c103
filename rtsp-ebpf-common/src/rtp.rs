//! Loss, duplicates, reordering and jitter of one RTP stream (RFC 3550), in integers and constant space.

//! Every cap on what a stranger's packets can make the engine keep. What falls to a cap is counted.

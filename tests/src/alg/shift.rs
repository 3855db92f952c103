//! Sequence numbers of one direction of a TCP connection whose text changes length on the way.

/// One change of length, at the end of the segment that was changed.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// First sequence number after the changed text, as its sender counts.
    end: u32,
    /// Bytes added (negative: taken away).
    delta: i32,
}

/// All changes of length of one direction so far, oldest first.
#[derive(Debug, Default)]
pub struct Shift {
    steps: Vec<Step>,
}

impl Shift {
    /// Notes that the text ending before `end` became longer by `delta`; a retransmission is noted only once.
    pub fn note(&mut self, end: u32, delta: i32) {
        if delta != 0 && self.steps.iter().all(|step| step.end != end) {
            self.steps.push(Step { end, delta });
        }
    }

    /// The sender's sequence number as the receiver must see it.
    pub fn forward(&self, sequence: u32) -> u32 {
        let passed = self
            .steps
            .iter()
            .filter(|step| !is_before(sequence, step.end));
        passed.fold(sequence, |shifted, step| {
            shifted.wrapping_add_signed(step.delta)
        })
    }

    /// The receiver's acknowledgement number as the sender must see it.
    pub fn backward(&self, acknowledged: u32) -> u32 {
        let mut total = 0_i32;
        for step in &self.steps {
            let with_this = total.wrapping_add(step.delta);
            if is_before(acknowledged, step.end.wrapping_add_signed(with_this)) {
                break;
            }
            total = with_this;
        }
        acknowledged.wrapping_add_signed(total.wrapping_neg())
    }
}

/// Whether `a` comes before `b` on the circle of sequence numbers (RFC 9293 §3.4).
fn is_before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b)).cast_signed() < 0
}

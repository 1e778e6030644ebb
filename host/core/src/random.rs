//! Numbers for property tests. The same seed gives the same numbers, so the seed in a failure's message repeats it.
//!
//! Tests only; it is no source of secrets. Generator: SplitMix64 (Steele, Lea, Flood 2014).

/// A stream of numbers.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    /// True one time in `n`.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of `from`.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// Up to `most` bytes out of `alphabet`.
    pub(crate) fn bytes(&mut self, alphabet: &[u8], most: usize) -> Vec<u8> {
        let len = self.below(most + 1);
        (0..len)
            .map(|_| alphabet[self.below(alphabet.len())])
            .collect()
    }

    /// Up to `most` characters of printable ASCII, those that need escaping more often than others.
    pub(crate) fn text(&mut self, most: usize) -> String {
        let len = self.below(most + 1);
        (0..len)
            .map(|_| match self.one_in(3) {
                true => char::from(b" \"\\#="[self.below(5)]),
                false => char::from(b' ' + u8::try_from(self.below(95)).unwrap_or(0)),
            })
            .collect()
    }

    /// `bytes` in pieces of at least one and at most `most` bytes, in their order.
    pub(crate) fn pieces<'a>(&mut self, mut bytes: &'a [u8], most: usize) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(bytes.len().min(1 + self.below(most)));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}

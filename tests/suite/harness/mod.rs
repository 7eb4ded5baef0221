//! What the tests share: throwaway servers, terminals, deadlines.

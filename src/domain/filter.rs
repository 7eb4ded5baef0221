//! The filter language of every list: words and `field:value` terms.

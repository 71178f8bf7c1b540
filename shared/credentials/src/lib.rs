//! Certificates: make, parse, thumbprint, sign; file sources.

//! The wire of Entra, Graph and Exchange.

//! An adversarial stand-in for Entra, Graph and Exchange Online.

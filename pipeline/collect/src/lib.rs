//! pacbot-collect

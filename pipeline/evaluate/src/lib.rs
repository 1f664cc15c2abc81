//! pacbot-evaluate

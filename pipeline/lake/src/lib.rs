//! pacbot-lake

//! pacbot-cloud

//! pacbot-jobs

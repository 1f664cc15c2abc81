//! pacbot-dashboards

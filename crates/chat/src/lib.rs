//! The domain of service-request chat.

//! What every HTTP function does: configuration, authentication, answers.

//! Who is calling: which plan opens the agent, which consumer holds the key.

//! The agents behind the gateway: endpoints, connections, pools, deadlines.

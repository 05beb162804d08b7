//! One exchange as a straight list of stages.

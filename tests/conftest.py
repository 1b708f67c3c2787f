"""What every test process does before it computes, as the command does."""

from mu2.process import keep_compiled_programs

# Most of the suite's time goes into compiling the same small programs.
keep_compiled_programs()

"""What `helpgate check` looks at, a file for each kind. Every examination gives findings and never raises."""

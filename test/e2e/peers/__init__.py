"""What the end-to-end tests are made of: pillion as a process, its bootstrap, and real or scripted peers on both sides."""

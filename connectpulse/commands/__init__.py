"""What the commands do. `connectpulse.cli` names them and reads their arguments."""

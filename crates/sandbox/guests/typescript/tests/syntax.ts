// fails: 2:8: Unexpected token
let x: = 1;

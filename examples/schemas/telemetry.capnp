@0xd2f0b3a1c4e59687;

struct Telemetry {
  seq @0 :UInt32;
  ts @1 :Float64;
  temp @2 :Float32;
  msg @3 :Text;
}

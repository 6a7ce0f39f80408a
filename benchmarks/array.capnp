@0xb2c9d1e84f60a735;

struct Array {
  dtype @0 :Text;
  shape @1 :List(UInt64);
  data @2 :Data;
}

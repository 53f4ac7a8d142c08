#include "source/base/slab.h"

#include <gtest/gtest.h>

#include <string>

namespace pillion::base {
namespace {

struct Thing {
  explicit Thing(std::string t) : text(std::move(t)) { ++alive; }
  ~Thing() { --alive; }
  std::string text;
  static int alive;
};
int Thing::alive = 0;

TEST(Slab, MakesEndsAndRecycles) {
  Slab<Thing> slab;
  Thing* a = slab.New("a long text that is not stored in place");
  Thing* b = slab.New("b");
  EXPECT_EQ(Thing::alive, 2);
  slab.Delete(a);
  EXPECT_EQ(Thing::alive, 1);
  EXPECT_EQ(b->text, "b");
  Thing* c = slab.New("c");
  EXPECT_EQ(static_cast<void*>(c), static_cast<void*>(a));
  EXPECT_EQ(c->text, "c");
  slab.Delete(b);
  slab.Delete(c);
  EXPECT_EQ(Thing::alive, 0);
}

}  // namespace
}  // namespace pillion::base

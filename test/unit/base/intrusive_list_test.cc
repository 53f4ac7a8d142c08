#include "source/base/intrusive_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "source/base/random.h"

namespace pillion::base {
namespace {

struct Other {};
struct Item : ListNode<Item>, ListNode<Other> {
  explicit Item(int v) : value(v) {}
  int value;
};
using List = IntrusiveList<Item>;
using OtherList = IntrusiveList<Item, Other>;

std::vector<int> Values(List& list) {
  std::vector<int> values;
  list.ForEach([&](Item& item) { values.push_back(item.value); });
  return values;
}

TEST(IntrusiveList, KeepsOrder) {
  Item a(1), b(2), c(3);
  List list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.PopFront(), nullptr);
  EXPECT_EQ(list.PopBack(), nullptr);
  list.PushBack(b);
  list.PushBack(c);
  list.PushFront(a);
  EXPECT_EQ(Values(list), (std::vector{1, 2, 3}));
  EXPECT_EQ(list.front().value, 1);
  EXPECT_EQ(list.back().value, 3);
  EXPECT_EQ(list.PopBack(), &c);
  EXPECT_EQ(list.PopFront(), &a);
  EXPECT_EQ(Values(list), (std::vector{2}));
}

TEST(IntrusiveList, AnElementLeavesWhenItIsDestroyed) {
  List list;
  Item a(1);
  list.PushBack(a);
  {
    Item b(2);
    list.PushBack(b);
    EXPECT_EQ(Values(list), (std::vector{1, 2}));
  }
  EXPECT_EQ(Values(list), (std::vector{1}));
}

TEST(IntrusiveList, AListThatIsDestroyedLetsGo) {
  Item a(1);
  {
    List list;
    list.PushBack(a);
  }
  EXPECT_FALSE(static_cast<ListNode<Item>&>(a).linked());
  List again;
  again.PushBack(a);
  EXPECT_EQ(Values(again), (std::vector{1}));
}

TEST(IntrusiveList, OneObjectStandsInTwoLists) {
  Item a(1), b(2);
  List list;
  OtherList other;
  list.PushBack(a);
  list.PushBack(b);
  other.PushBack(b);
  other.PushBack(a);
  EXPECT_EQ(list.PopFront(), &a);
  EXPECT_EQ(&other.front(), &b);
  EXPECT_EQ(&other.back(), &a);
}

TEST(IntrusiveList, TheVisitedElementMayGo) {
  List list;
  std::vector<std::unique_ptr<Item>> items;
  for (int i = 0; i < 6; ++i) list.PushBack(*items.emplace_back(std::make_unique<Item>(i)));
  list.ForEach([&](Item& item) {
    if (item.value % 2 == 0) items[static_cast<size_t>(item.value)].reset();
  });
  EXPECT_EQ(Values(list), (std::vector{1, 3, 5}));
}

TEST(IntrusiveList, BehavesAsADeque) {
  Random random(1);
  std::vector<std::unique_ptr<Item>> items;
  for (int i = 0; i < 50; ++i) items.push_back(std::make_unique<Item>(i));
  List lists[2];
  std::deque<int> models[2];
  for (int step = 0; step < 20000; ++step) {
    Item& item = *items[random.Below(items.size())];
    auto& node = static_cast<ListNode<Item>&>(item);
    const size_t which = random.Below(2);
    switch (random.Below(5)) {
      case 0:
      case 1:
        if (node.linked()) break;
        if (random.Below(2) == 0) {
          lists[which].PushBack(item);
          models[which].push_back(item.value);
        } else {
          lists[which].PushFront(item);
          models[which].push_front(item.value);
        }
        break;
      case 2:
        node.Unlink();
        for (auto& model : models) model.erase(std::remove(model.begin(), model.end(), item.value), model.end());
        break;
      case 3: {
        Item* popped = lists[which].PopFront();
        ASSERT_EQ(popped == nullptr, models[which].empty());
        if (popped == nullptr) break;
        ASSERT_EQ(popped->value, models[which].front());
        models[which].pop_front();
        break;
      }
      case 4:
        if (random.Below(20) != 0) break;
        lists[which].Splice(lists[1 - which]);
        models[which].insert(models[which].end(), models[1 - which].begin(), models[1 - which].end());
        models[1 - which].clear();
        break;
    }
    for (size_t i = 0; i < 2; ++i) {
      const std::vector<int> values = Values(lists[i]);
      ASSERT_TRUE(std::equal(values.begin(), values.end(), models[i].begin(), models[i].end())) << step;
    }
  }
}

}  // namespace
}  // namespace pillion::base

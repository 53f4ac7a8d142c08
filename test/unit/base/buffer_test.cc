#include "source/base/buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <string>

#include "source/base/random.h"

namespace pillion::base {
namespace {

// `size` bytes that tell where they come from.
std::string Bytes(Random& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Next());
  return bytes;
}

TEST(Slice, SharesAndMoves) {
  BlockPool pool;
  {
    Slice slice = Slice::Copy(pool, "hello world");
    EXPECT_EQ(slice.view(), "hello world");
    Slice part = slice.Share(6, 5);
    Slice moved = std::move(slice);
    EXPECT_TRUE(slice.empty());  // NOLINT: that is what is tested
    moved.RemovePrefix(1);
    EXPECT_EQ(moved.view(), "ello world");
    moved = Slice();
    EXPECT_EQ(part.view(), "world");
    EXPECT_EQ(pool.blocks_taken(), 1u);
  }
  EXPECT_EQ(pool.blocks_taken(), 0u);
  EXPECT_TRUE(Slice().Share().empty());
}

TEST(Buffer, JoinsSmallPieces) {
  BlockPool pool;
  Buffer buffer(pool);
  for (int i = 0; i < 100; ++i) buffer.Append("0123456789");
  EXPECT_EQ(buffer.size(), 1000u);
  std::array<iovec, 4> pieces;
  EXPECT_EQ(buffer.Peek(pieces), 1u);
  EXPECT_EQ(pieces[0].iov_len, 1000u);
}

TEST(Buffer, KeepsLargeSlicesAsTheyAre) {
  BlockPool pool;
  Buffer buffer(pool);
  Slice large = Slice::Copy(pool, std::string(Buffer::kShareFrom, 'x'));
  const char* data = large.data();
  buffer.Append("head");
  buffer.Append(std::move(large));
  buffer.Append("tail");
  EXPECT_EQ(buffer.TakeFront().view(), "head");
  EXPECT_EQ(buffer.front().data(), data);
  buffer.Drain(Buffer::kShareFrom);
  EXPECT_EQ(buffer.ToString(), "tail");
}

TEST(Buffer, WritesInPlace) {
  BlockPool pool;
  Buffer buffer(pool);
  buffer.Append("a");
  for (size_t size : {10, 5000, 16000, 16000}) {
    char* room = buffer.Reserve(size);
    std::memset(room, 'b', size);
    buffer.Commit(size);
  }
  buffer.Reserve(100);
  buffer.Commit(0);
  EXPECT_EQ(buffer.ToString(), "a" + std::string(37010, 'b'));
  EXPECT_EQ(buffer.TakeFront(1).view(), "a");
  buffer.Clear();
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(pool.blocks_taken(), 0u);
}

TEST(Buffer, HoldsNoBlockWhenItIsEmpty) {
  BlockPool pool;
  Buffer buffer(pool);
  buffer.Append("abc");
  EXPECT_EQ(pool.blocks_taken(), 1u);
  buffer.Drain(3);
  EXPECT_EQ(pool.blocks_taken(), 0u);
  buffer.Append("abc");
  buffer.TakeFront();
  EXPECT_EQ(pool.blocks_taken(), 0u);
}

// Memory stays near what is held, whatever the pieces were (E10, CVE-2020-12603).
TEST(Buffer, DoesNotPinBlocksForCrumbs) {
  BlockPool pool;
  Buffer buffer(pool);
  const Slice block = Slice::Copy(pool, std::string(60000, 'x'));
  for (size_t i = 0; i < 100000; ++i) buffer.Append(block.Share(i % 60000, 1));
  EXPECT_LE(pool.blocks_taken(), 1 + 100000 / 16000 + 2);
}

// Small pieces between large ones do not take a block each: frame heads, chunk sizes.
TEST(Buffer, SmallPiecesBetweenLargeOnesShareABlock) {
  BlockPool pool;
  Buffer buffer(pool);
  const Slice data = Slice::Copy(pool, std::string(60000, 'x'));
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    buffer.Append("head" + std::to_string(i));
    buffer.Append(data.Share(0, 16384));
    expected += "head" + std::to_string(i) + std::string(16384, 'x');
  }
  EXPECT_LE(pool.blocks_taken(), 1 + 2u);
  EXPECT_EQ(buffer.ToString(), expected);
}

TEST(Buffer, BehavesAsAString) {
  Random random(7);
  BlockPool pool;
  {
    Buffer buffers[2] = {Buffer(pool), Buffer(pool)};
    std::string models[2];
    std::deque<std::pair<Slice, std::string>> kept;  // taken out, and still what they were
    for (int step = 0; step < 30000; ++step) {
      const size_t which = random.Below(2);
      Buffer& buffer = buffers[which];
      std::string& model = models[which];
      const size_t size = random.Below(4) == 0 ? random.Below(40000) : random.Below(300);
      switch (random.Below(8)) {
        case 0: {
          const std::string bytes = Bytes(random, size);
          buffer.Append(bytes);
          model += bytes;
          break;
        }
        case 1: {
          const std::string bytes = Bytes(random, size);
          buffer.Append(Slice::Copy(pool, bytes));
          model += bytes;
          break;
        }
        case 2: {
          const std::string bytes = Bytes(random, std::min<size_t>(size, 16000));
          char* room = buffer.Reserve(bytes.size() + random.Below(16001 - bytes.size()));
          std::memcpy(room, bytes.data(), bytes.size());
          buffer.Commit(bytes.size());
          model += bytes;
          break;
        }
        case 3:
        case 4: {
          const size_t part = std::min(size * 3, model.size());
          buffer.Drain(part);
          model.erase(0, part);
          break;
        }
        case 5: {
          if (model.empty()) break;
          Slice taken = buffer.TakeFront(size + 1);
          ASSERT_LE(taken.size(), size + 1);
          ASSERT_EQ(taken.view(), std::string_view(model).substr(0, taken.size()));
          model.erase(0, taken.size());
          std::string text(taken.view());
          kept.emplace_back(std::move(taken), std::move(text));
          if (kept.size() > 20) kept.pop_front();
          break;
        }
        case 6:
          if (random.Below(20) != 0) break;
          buffer.Append(buffers[1 - which]);
          model += models[1 - which];
          models[1 - which].clear();
          break;
        case 7: {
          std::array<iovec, 5> pieces;
          const size_t count = buffer.Peek(pieces);
          std::string front;
          for (size_t i = 0; i < count; ++i) {
            ASSERT_GT(pieces[i].iov_len, 0u);
            front.append(static_cast<char*>(pieces[i].iov_base), pieces[i].iov_len);
          }
          ASSERT_EQ(front, std::string_view(model).substr(0, front.size()));
          ASSERT_TRUE(count == pieces.size() || front.size() == model.size());
          break;
        }
      }
      ASSERT_EQ(buffer.size(), model.size());
      ASSERT_EQ(buffer.empty(), model.empty());
      if (step % 50 == 0) {
        ASSERT_EQ(buffer.ToString(), model);
      }
      for (const auto& [slice, text] : kept) ASSERT_EQ(slice.view(), text);
    }
  }
  EXPECT_EQ(pool.blocks_taken(), 0u);
}

}  // namespace
}  // namespace pillion::base

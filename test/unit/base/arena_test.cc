#include "source/base/arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "source/base/random.h"

namespace pillion::base {
namespace {

TEST(Arena, AlignsAndDoesNotOverlap) {
  BlockPool pool;
  Random random(1);
  for (int round = 0; round < 20; ++round) {
    Arena arena(pool);
    struct Piece {
      char* at;
      size_t size;
      char fill;
    };
    std::vector<Piece> pieces;
    for (int i = 0; i < 500; ++i) {
      const size_t size = random.Below(10) == 0 ? random.Below(10000) : random.Below(100);
      const size_t alignment = size_t{1} << random.Below(5);
      char* at = static_cast<char*>(arena.Allocate(size, alignment));
      ASSERT_EQ(reinterpret_cast<uintptr_t>(at) % alignment, 0u);
      const char fill = static_cast<char>(i);
      std::memset(at, fill, size);
      pieces.push_back({at, size, fill});
    }
    for (const Piece& piece : pieces) {
      for (size_t i = 0; i < piece.size; ++i) ASSERT_EQ(piece.at[i], piece.fill);
    }
  }
  EXPECT_EQ(pool.blocks_taken(), 0u);
}

TEST(Arena, GivesItsBlocksBack) {
  BlockPool pool;
  Arena arena(pool);
  EXPECT_EQ(pool.blocks_taken(), 0u);
  for (int i = 0; i < 100; ++i) arena.Allocate(1000);
  EXPECT_GE(pool.blocks_taken(), 25u);
  EXPECT_LE(pool.blocks_taken(), 34u);
  arena.Clear();
  EXPECT_EQ(pool.blocks_taken(), 0u);
  arena.Allocate(1);
  EXPECT_EQ(pool.blocks_taken(), 1u);
}

TEST(Arena, CountsWhatWasAskedFor) {
  BlockPool pool;
  Arena arena(pool);
  EXPECT_EQ(arena.bytes_taken(), 0u);
  size_t asked = 0;
  for (size_t size : {1, 10, 100, 1000, 1999, 2000, 2001, 5000, 1, 3000, 1500, 1500, 1500}) {
    arena.Allocate(size, 1);
    asked += size;
    EXPECT_EQ(arena.bytes_taken(), asked);
  }
  arena.Clear();
  EXPECT_EQ(arena.bytes_taken(), 0u);
}

// Long fields are common enough: they must not cost a malloc each.
TEST(Arena, TakesLargePiecesFromThePool) {
  BlockPool pool;
  Arena arena(pool);
  std::memset(arena.Allocate(3000), 1, 3000);
  std::memset(arena.Allocate(10000), 2, 10000);
  std::memset(arena.Allocate(65000), 3, 65000);
  EXPECT_EQ(pool.blocks_taken(), 3u);
  std::memset(arena.Allocate(65600), 4, 65600);
  EXPECT_EQ(pool.blocks_taken(), 3u);
  arena.Clear();
  EXPECT_EQ(pool.blocks_taken(), 0u);
}

TEST(Arena, CopiesTexts) {
  BlockPool pool;
  Arena arena(pool);
  std::string text = "hello";
  const std::string_view copy = arena.Copy(text);
  text = "other";
  EXPECT_EQ(copy, "hello");
  EXPECT_TRUE(arena.Copy("").empty());
}

TEST(ArenaText, GrowsPieceByPiece) {
  BlockPool pool;
  Arena arena(pool);
  ArenaText text;
  EXPECT_TRUE(text.empty());
  text.Append(arena, "");
  EXPECT_TRUE(text.empty());
  std::string model;
  for (int i = 0; i < 3000; ++i) {
    const std::string piece(static_cast<size_t>(i % 7), static_cast<char>('a' + i % 26));
    text.Append(arena, piece);
    model += piece;
  }
  EXPECT_EQ(text.view(), model);
  EXPECT_LT(arena.bytes_taken(), 5 * model.size());
  const std::string_view kept = text.view();
  text.Reset();
  text.Append(arena, "new");
  EXPECT_EQ(text.view(), "new");
  EXPECT_EQ(kept, model);
}

TEST(ArenaText, AWholeTextTakesItsOwnSize) {
  BlockPool pool;
  Arena arena(pool);
  ArenaText text;
  text.Append(arena, "0123456789");
  EXPECT_EQ(arena.bytes_taken(), 10u);
}

TEST(BlockPool, RecyclesAndTrims) {
  BlockPool pool;
  Block* a = pool.Take(BlockSize::kArena);
  Block* b = pool.Take(BlockSize::kRead);
  EXPECT_EQ(pool.blocks_taken(), 2u);
  EXPECT_GE(b->capacity(), 65000u);
  EXPECT_TRUE(a->unique());
  a->AddReference();
  EXPECT_FALSE(a->unique());
  a->Release();
  a->Release();
  b->Release();
  EXPECT_EQ(pool.blocks_taken(), 0u);
  EXPECT_EQ(pool.free_bytes(), 4096u + 65536u);
  EXPECT_EQ(pool.Take(BlockSize::kArena), a);
  a->Release();
  pool.Trim(4096);
  EXPECT_EQ(pool.free_bytes(), 4096u);
  pool.Trim(0);
  EXPECT_EQ(pool.free_bytes(), 0u);
}

TEST(BlockPool, KeepsOnlySoMuchOfABurst) {
  BlockPool pool;
  std::vector<Block*> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back(pool.Take(BlockSize::kRead));
  for (Block* block : blocks) block->Release();
  EXPECT_LE(pool.free_bytes(), 512u << 10);
}

}  // namespace
}  // namespace pillion::base

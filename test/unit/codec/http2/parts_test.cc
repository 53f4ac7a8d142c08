// The parts that stand alone: frame scanner, stream history, memory pool.

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "source/codec/http2/frame_scanner.h"
#include "source/codec/http2/memory_pool.h"
#include "source/codec/http2/stream_history.h"
#include "test/unit/codec/http2/raw_frames.h"

namespace pillion::codec::http2 {
namespace {

TEST(FrameScanner, FindsTheSameFramesInEveryPieceSize) {
  std::string bytes = kPreface + SettingsFrame({{1, 2}});
  std::string expected = "4/0/0/6 ";
  for (uint32_t id = 1; id < 40; id += 2) {
    bytes += HeadersFrame(id, RequestFields()) + DataFrame(id, std::string(id * 7, 'x'), kEndStream);
    expected += "1/5/" + std::to_string(id) + "/" + std::to_string(HpackBlock(RequestFields()).size()) + " ";
    expected += "0/1/" + std::to_string(id) + "/" + std::to_string(id * 7) + " ";
  }
  for (size_t piece = 1; piece < bytes.size(); piece += piece < 30 ? 1 : 97) {
    FrameScanner scanner(kPreface.size());
    std::string seen;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      const std::string_view part = std::string_view(bytes).substr(at, piece);
      FrameHead head;
      for (size_t position = 0; scanner.Next(part, position, head);) {
        EXPECT_LE(head.start, position);
        seen += std::to_string(head.type) + "/" + std::to_string(head.flags) + "/" + std::to_string(head.stream_id) +
                "/" + std::to_string(head.length) + " ";
      }
    }
    EXPECT_EQ(seen, expected) << piece;
  }
}

TEST(StreamHistory, RemembersWhatItCan) {
  using Past = StreamHistory::Past;
  StreamHistory history;
  history.Open(1);
  EXPECT_EQ(history.Look(1), Past::kUnknown);
  history.Close(1);
  EXPECT_EQ(history.Look(1), Past::kClosed);
  history.Open(9);
  EXPECT_EQ(history.highest(), 9u);
  EXPECT_EQ(history.Look(3), Past::kSkipped);
  EXPECT_EQ(history.Look(7), Past::kSkipped);
  EXPECT_EQ(history.Look(9), Past::kUnknown);
  EXPECT_EQ(history.Look(1), Past::kClosed);
  for (uint32_t id = 11; id <= 9 + 2 * 255; id += 2) history.Open(id);
  EXPECT_EQ(history.Look(9), Past::kUnknown);
  EXPECT_EQ(history.Look(7), Past::kUnknown);  // too long ago
  history.Close(9);
  EXPECT_EQ(history.Look(9), Past::kClosed);
  history.Close(7);
  EXPECT_EQ(history.Look(7), Past::kUnknown);
  history.Open(1'000'001);
  EXPECT_EQ(history.Look(999'999), Past::kSkipped);
  EXPECT_EQ(history.Look(1'000'001 - 2 * 255), Past::kSkipped);
  EXPECT_EQ(history.Look(1'000'001 - 2 * 256), Past::kUnknown);
  history.Open(0x7fffffff);
  history.Close(0x7fffffff);
  EXPECT_EQ(history.Look(0x7fffffff), Past::kClosed);
}

TEST(MemoryPool, GivesWhatWasAskedForAndTakesItBack) {
  MemoryPool pool;
  std::vector<std::pair<char*, size_t>> pieces;
  for (size_t size = 0; size < 40'000; size += 1 + size / 7) {
    char* memory = static_cast<char*>(pool.Allocate(size));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 16, 0u);
    std::memset(memory, 'x', size);
    pieces.push_back({memory, size});
  }
  for (const auto& [memory, size] : pieces) pool.Free(memory);
  const size_t free_bytes = pool.free_bytes();
  EXPECT_GT(free_bytes, 100'000u);
  for (auto& [memory, size] : pieces) memory = static_cast<char*>(pool.Allocate(size));
  EXPECT_EQ(pool.free_bytes(), 0u);
  for (const auto& [memory, size] : pieces) pool.Free(memory);
  EXPECT_EQ(pool.free_bytes(), free_bytes);
  pool.Trim(10'000);
  EXPECT_LE(pool.free_bytes(), 10'000u);
  pool.Trim(0);
  EXPECT_EQ(pool.free_bytes(), 0u);
}

TEST(MemoryPool, GrowsAPieceInPlaceOrMovesIt) {
  MemoryPool pool;
  nghttp2_mem& mem = *pool.nghttp2();
  char* memory = static_cast<char*>(mem.realloc(nullptr, 100, &pool));
  std::memset(memory, 'a', 100);
  char* larger = static_cast<char*>(mem.realloc(memory, 50'000, &pool));
  EXPECT_EQ(std::string(larger, 100), std::string(100, 'a'));
  std::memset(larger, 'b', 50'000);
  mem.free(larger, &pool);
  char* zeroed = static_cast<char*>(mem.calloc(10, 10, &pool));
  EXPECT_EQ(std::string(zeroed, 100), std::string(100, '\0'));
  mem.free(zeroed, &pool);
  mem.free(nullptr, &pool);
}

}  // namespace
}  // namespace pillion::codec::http2

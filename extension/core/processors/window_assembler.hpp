// Collects a stream's rows into windows: `window` rows each, beginning every `stride` rows.
//
// What has to be kept of a stream between records is its carry-over: the rows from the beginning of the
// earliest unfinished window on, the addresses of the records at which the unfinished windows began, and,
// where stride > window, how many rows are to be passed over. All streams of a partition together stay within
// a byte limit that counts what save() writes; when a row would pass it, the least recently used stream is
// forgotten (it begins a new window at its next record) and `restarted()` counts it. Least recently used is
// by record order, so it is the same in every run. A stream that owes nothing (no rows, nothing to pass over)
// isn't kept at all.
//
// inherit() takes streams over from another partition's saved state, as they stand there. Partitions have no
// common order of records, so between their streams the last record's time of receipt decides which was used
// more recently. The limit holds here too.
//
// Cell is float for live rows, which are standardised, and double while fitting, when the scale isn't known
// yet. The limit counts a cell as four bytes in both, so that fitting sees exactly the windows that
// processing will.
#pragma once

#include "core/processors/byte_stream.hpp"
#include "core/processors/processor.hpp"

#include <algorithm>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

namespace soup::processors {

struct WindowShape {
    std::size_t window = 0, stride = 0, channels = 0;
    friend bool operator==(const WindowShape&, const WindowShape&) = default;
};

/// Where a record lies in the log.
struct RecordAddress {
    std::int64_t offset = 0;
    std::int32_t partition = 0;
};

/// What save() writes for one stream: three lengths, time of use, pass-over count, name, cells, addresses.
constexpr std::size_t stream_state_bytes(const WindowShape& shape, std::size_t name_bytes, std::size_t rows) {
    const std::size_t starts = (rows + shape.stride - 1) / shape.stride;
    return 5 * sizeof(std::uint64_t) + name_bytes + rows * shape.channels * sizeof(float) +
           starts * (sizeof(std::int64_t) + sizeof(std::int32_t));
}

template<typename Cell>
class WindowAssembler {
public:
    struct Window {
        std::uint64_t stream_serial; ///< The same for windows that follow each other in one stream.
        std::uint64_t first_row;     ///< Number of its first row in the stream.
        RecordAddress first;
        std::span<const Cell> cells; ///< [row][channel]; valid during the call.
    };

    WindowAssembler(const WindowShape& shape, std::size_t bytes_max) : shape_(shape), bytes_max_(bytes_max) {}
    WindowAssembler(const WindowAssembler&) = delete;
    WindowAssembler& operator=(const WindowAssembler&) = delete;

    /// Adds the row that was read from a record; calls on_window when it completes one (a row completes at
    /// most one).
    template<typename OnWindow>
    void add(const InputRecord& record, std::span<const Cell> row, OnWindow&& on_window) {
        Stream& stream = use(record.stream, record.received_us);
        stream.row_count++;
        if (stream.pass_over > 0) {
            stream.pass_over--;
            if (stream.owes_nothing()) forget(streams_.begin());
            return;
        }
        bytes_ -= cost(stream);
        if (stream.rows(shape_) % shape_.stride == 0)
            stream.starts.push_back({record.offset, record.partition});
        stream.cells.insert(stream.cells.end(), row.begin(), row.end());
        if (stream.rows(shape_) == shape_.window) {
            on_window(
                Window{stream.serial, stream.row_count - shape_.window, stream.starts.front(), stream.cells});
            advance(stream);
        }
        bytes_ += cost(stream);
        if (stream.owes_nothing())
            forget(streams_.begin());
        else
            make_room();
    }

    std::uint64_t restarted() const { return restarted_; }

    /// Streams from the least to the most recently used, so that load() restores the order too.
    void save(ByteWriter& writer) const {
        writer.number(restarted_);
        writer.number(static_cast<std::uint64_t>(streams_.size()));
        for (auto stream = streams_.rbegin(); stream != streams_.rend(); ++stream)
            write_stream(*stream, writer);
    }

    void load(ByteReader& reader) {
        by_name_.clear();
        streams_.clear();
        bytes_ = 0;
        restarted_ = reader.template number<std::uint64_t>();
        for (Streams loaded = read_streams(reader); !loaded.empty();)
            if (!take(loaded, loaded.begin(), streams_)) throw reader.bad();
        if (bytes_ > bytes_max_) throw reader.bad();
    }

    /// Adds those streams of a saved state that `is_inherited` accepts; what load() or other calls brought
    /// stays.
    template<typename Accepts>
    void inherit(ByteReader& reader, Accepts&& is_inherited) {
        (void)reader.template number<std::uint64_t>(); // Restarts that were counted where they happened.
        Streams inherited;
        for (Streams saved = read_streams(reader); !saved.empty();)
            if (!is_inherited(std::string_view(saved.front().name)))
                saved.pop_front();
            else if (!take(saved, saved.begin(), inherited))
                throw reader.bad();
        // Both lists are in order. Streams keep their places in memory, so the names' places stay true.
        streams_.merge(inherited, [](const Stream& a, const Stream& b) { return a.used_us > b.used_us; });
        make_room();
    }

private:
    struct Stream {
        std::string name;
        std::uint64_t serial = 0;
        std::uint64_t row_count = 0; ///< Since the stream was met; not saved.
        std::int64_t used_us = 0;    ///< When its last record was received; never less than its neighbour's.
        std::size_t pass_over = 0;
        std::vector<Cell> cells;
        std::vector<RecordAddress> starts; ///< Of rows 0, stride, 2 · stride … of `cells`.

        std::size_t rows(const WindowShape& shape) const { return cells.size() / shape.channels; }
        bool owes_nothing() const { return cells.empty() && pass_over == 0; }
    };
    using Streams = std::list<Stream>; ///< Most recently used first.
    using Place = typename Streams::iterator;

    std::size_t cost(const Stream& stream) const {
        return stream_state_bytes(shape_, stream.name.size(), stream.rows(shape_));
    }

    /// The stream of that name, now the first of the list.
    Stream& use(std::string_view name, std::int64_t now_us) {
        if (!streams_.empty()) now_us = std::max(now_us, streams_.front().used_us);
        if (streams_.empty() || streams_.front().name != name) {
            if (const auto found = by_name_.find(name); found != by_name_.end()) {
                streams_.splice(streams_.begin(), streams_, found->second);
            } else {
                Streams met(1);
                met.front().name = name;
                take(met, met.begin(), streams_);
            }
        }
        streams_.front().used_us = now_us;
        return streams_.front();
    }

    /// Moves a stream to the front of `to`; false if there is one of its name.
    bool take(Streams& from, Place place, Streams& to) {
        if (!by_name_.emplace(place->name, place).second) return false;
        place->serial = next_serial_++;
        bytes_ += cost(*place);
        to.splice(to.begin(), from, place);
        return true;
    }

    static void write_stream(const Stream& stream, ByteWriter& writer) {
        writer.text(stream.name);
        writer.number(stream.used_us);
        writer.number(static_cast<std::uint64_t>(stream.pass_over));
        writer.numbers(std::span<const Cell>(stream.cells));
        writer.number(static_cast<std::uint64_t>(stream.starts.size()));
        for (const RecordAddress& start : stream.starts) {
            writer.number(start.offset);
            writer.number(start.partition);
        }
    }

    Stream read_stream(ByteReader& reader) const {
        Stream stream;
        stream.name = reader.text();
        stream.used_us = reader.template number<std::int64_t>();
        stream.pass_over = reader.template number<std::uint64_t>();
        stream.cells = reader.template numbers<Cell>();
        const auto start_count = reader.template number<std::uint64_t>();
        const std::size_t rows = stream.rows(shape_);
        if (stream.cells.size() != rows * shape_.channels || rows >= shape_.window ||
            start_count != (rows + shape_.stride - 1) / shape_.stride || stream.owes_nothing() ||
            stream.pass_over > shape_.stride || (stream.pass_over > 0 && rows > 0))
            throw reader.bad();
        for (const Cell cell : stream.cells)
            if (!(cell - cell == Cell{})) throw reader.bad();
        for (std::uint64_t i = 0; i < start_count; i++) {
            const auto offset = reader.template number<std::int64_t>();
            stream.starts.push_back({offset, reader.template number<std::int32_t>()});
        }
        return stream;
    }

    /// What save() wrote, in the order in which it did.
    Streams read_streams(ByteReader& reader) const {
        Streams streams;
        const auto count = reader.template number<std::uint64_t>();
        for (std::uint64_t i = 0; i < count; i++) {
            streams.push_back(read_stream(reader));
            const auto last = std::prev(streams.end());
            if (i > 0 && last->used_us < std::prev(last)->used_us) throw reader.bad();
        }
        return streams;
    }

    void advance(Stream& stream) {
        const std::size_t dropped = std::min(shape_.stride, shape_.window);
        stream.cells.erase(stream.cells.begin(),
                           stream.cells.begin() + static_cast<std::ptrdiff_t>(dropped * shape_.channels));
        stream.starts.erase(stream.starts.begin());
        stream.pass_over = shape_.stride - dropped;
    }

    void forget(Place place) {
        bytes_ -= cost(*place);
        by_name_.erase(place->name);
        streams_.erase(place);
    }

    /// validate() sees to it that one stream alone always fits.
    void make_room() {
        while (bytes_ > bytes_max_ && streams_.size() > 1) {
            forget(std::prev(streams_.end()));
            restarted_++;
        }
    }

    WindowShape shape_;
    std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    std::uint64_t restarted_ = 0;
    std::uint64_t next_serial_ = 0;
    Streams streams_;
    std::unordered_map<std::string_view, Place> by_name_; ///< For look-ups only: its order is never used.
};

} // namespace soup::processors
